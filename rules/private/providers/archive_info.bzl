"""The provider of a finished archive."""

ArchiveInfo = provider(
    doc = """A disk or upgrade archive in both compressions.

    See docs/formats/disk-archive.md and docs/formats/upgrade-archive.md.""",
    fields = {
        "zst": "File: `*.tar.zst`.",
        "gz": "File: `*.tar.gz`.",
        "checksums": "list of File: a `.sha256` file for each archive, in the format of sha256sum.",
        "partitions": "dict of string to PartitionInfo: the packed partitions by name.",
    },
)
