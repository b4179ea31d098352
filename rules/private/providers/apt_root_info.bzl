"""The provider of a directory of unpacked packages."""

AptRootInfo = provider(
    doc = "Locked packages, unpacked side by side into one directory; nothing of them is configured.",
    fields = {
        "path": "string: the directory's path in the execution root.",
        "files": "depset of File: everything in it.",
    },
)
