"""A partition with an ext4 file system."""

load("//rules/private:linux_file_system.bzl", "LINUX_FILE_SYSTEM_ATTRS", "linux_file_system_args")
load("//rules/private:packed_partition.bzl", "FILE_SYSTEM_SIZE_DOC", "declare_partition", "partition_action")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")

def _ext4_partition_impl(ctx):
    if bool(ctx.attr.file_system_size) == bool(ctx.attr.free_size):
        fail(("%s: set either file_system_size, or free_size for a file system that is as large as its tree " +
              "plus that much free space") % ctx.label)
    args, inputs = linux_file_system_args(ctx)
    if ctx.attr.hash_seed:
        args.add("--hash-seed=" + ctx.attr.hash_seed)
    if ctx.attr.journal:
        args.add("--journal")
    if ctx.attr.free_size:
        args.add("--free=" + ctx.attr.free_size)
    if ctx.attr.free_inodes >= 0:
        args.add("--free-inodes=%d" % ctx.attr.free_inodes)
    if ctx.attr.reserved_percent:
        args.add("--reserved-percent=%d" % ctx.attr.reserved_percent)
    return partition_action(
        ctx,
        tool = "ext4-image",
        partition = declare_partition(ctx, root_hash = ctx.attr.verity),
        args = args,
        inputs = inputs,
        mnemonic = "IcosExt4Image",
        progress_message = "Writing ext4 partition %{label}",
    )

ext4_partition = rule(
    implementation = _ext4_partition_impl,
    doc = """Writes an ext4 file system from layers and packs it.

The file system has extents, 64-bit block numbers, metadata checksums and directory indexes.
`debugfs`, GRUB 2.12 and every kernel since 3.18 can read it. All times are 0. See
docs/formats/ext4.md.""",
    attrs = LINUX_FILE_SYSTEM_ATTRS | {
        "file_system_size": attr.string(doc = FILE_SYSTEM_SIZE_DOC),
        "free_inodes": attr.int(
            default = -1,
            doc = """Minimum number of free inodes. Default: one per 16 KiB of the size, and 0 on a
            read-only file system.""",
        ),
        "free_size": attr.string(
            doc = """Alternative to `file_system_size`: the file system is as large as its tree plus
            this much free space (`0`, `64M`).""",
        ),
        "reserved_percent": attr.int(
            doc = "Share of all blocks that only root may fill, 0 to 50 percent. The default of mke2fs is 5.",
        ),
        "journal": attr.bool(
            doc = "Whether to create a journal, for a file system that is mounted writable.",
        ),
        "hash_seed": attr.string(
            doc = """UUID that seeds directory hashes (kernel documentation, ext4: s_hash_seed).
            Default: derived.""",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
