"""The provider of a file that stands in for the real one."""

PlaceholderInfo = provider(
    doc = "A file that stands in for the real one; image.json repeats the note.",
    fields = {
        "note": "string: what it does instead.",
    },
)
