"""The provider of a file that replaces the real one."""

PlaceholderInfo = provider(
    doc = "A file that replaces the real one; image.json contains the note.",
    fields = {
        "note": "string: what the file does instead of the real one.",
    },
)
