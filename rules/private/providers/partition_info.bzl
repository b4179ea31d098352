"""The provider of a packed partition."""

PartitionInfo = provider(
    doc = """A packed partition, which is compressed once and copied into every archive.

    See docs/formats/packed-partition.md.""",
    fields = {
        "zst": "File: `*.img.zst`, one independent zstd frame for each chunk with data.",
        "gz": "File: `*.img.gz`, one independent gzip member for each of the same chunks.",
        "index": "File: `*.json`, logical size, extents, frame offsets, digest, file system and verity data.",
        "entries": "File or None: `*.entries.json`, path, mode, owner, size and digest of each entry.",
        "root_hash": "File or None: the dm-verity root hash, 64 hexadecimal digits and a newline.",
        "packages": "depset of File: `*.packages.json` of the packages in this partition.",
        "components": "depset of File: `*.components.json` of the component files in this partition.",
    },
)
