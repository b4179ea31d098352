"""The provider of the archives that leave the build."""

ArchiveInfo = provider(
    doc = "A disk or upgrade archive in both compressions (see docs/formats/disk-archive.md and upgrade-archive.md).",
    fields = {
        "zst": "File: `*.tar.zst`.",
        "gz": "File: `*.tar.gz`.",
        "checksums": "list of File: a `.sha256` for each archive, in the form of sha256sum.",
        "partitions": "dict of string to PartitionInfo: which packed partition stands under which name.",
    },
)
