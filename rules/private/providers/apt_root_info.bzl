"""The provider of a directory of unpacked packages."""

AptRootInfo = provider(
    doc = "Locked packages, unpacked into one directory and not configured.",
    fields = {
        "path": "string: the directory's path in the execution root.",
        "files": "depset of File: all files in the directory.",
    },
)
