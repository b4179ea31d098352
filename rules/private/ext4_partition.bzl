"""A partition that holds an ext4 file system."""

load("//rules/private:file_contexts.bzl", "FILE_CONTEXTS_ATTRS", "add_file_contexts_args")
load("//rules/private:packed_partition.bzl", "TREE_ATTRS", "declare_partition", "partition_outputs", "partition_providers", "tree_args")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")
load("//rules/private:verity.bzl", "VERITY_ATTRS", "add_verity_args")

def _ext4_partition_impl(ctx):
    partition = declare_partition(ctx, root_hash = ctx.attr.verity)
    args, inputs = tree_args(ctx, partition)
    if ctx.attr.uuid:
        args.add("--uuid=" + ctx.attr.uuid)
    if ctx.attr.hash_seed:
        args.add("--hash-seed=" + ctx.attr.hash_seed)
    if ctx.attr.journal:
        args.add("--journal")
    if bool(ctx.attr.file_system_size) == bool(ctx.attr.free_size):
        fail("{}: give file_system_size, or free_size for a file system that is as large as its tree needs and so much more; one of the two".format(ctx.label))
    if ctx.attr.free_size:
        args.add("--free=" + ctx.attr.free_size)
    if ctx.attr.free_inodes >= 0:
        args.add("--free-inodes=%d" % ctx.attr.free_inodes)
    if ctx.attr.reserved_percent:
        args.add("--reserved-percent=%d" % ctx.attr.reserved_percent)
    policy = add_file_contexts_args(args, ctx)
    add_verity_args(args, ctx.attr)
    tool_action(
        ctx,
        tool = "ext4-image",
        arguments = [args],
        inputs = inputs + policy,
        outputs = partition_outputs(partition),
        mnemonic = "IcosExt4Image",
        progress_message = "Writing ext4 partition %{label}",
    )
    return partition_providers(partition)

ext4_partition = rule(
    implementation = _ext4_partition_impl,
    doc = """An ext4 file system, made from layers and packed.

The file system has extents, 64-bit block numbers, metadata checksums and directory indexes; `debugfs`, GRUB 2.12 and
every kernel since 3.18 read it. All times are 0. See docs/formats/ext4.md.""",
    attrs = dict(
        TREE_ATTRS | FILE_CONTEXTS_ATTRS | VERITY_ATTRS,
        file_system_size = attr.string(doc = "Size of the file system: a number with a binary unit (`100M`, `3G`, `512KiB`). An error says by how much it is too small."),
        free_inodes = attr.int(default = -1, doc = "At least so many inodes stay free. Default: one for each 16 KiB of the size, and none on a read-only file system."),
        free_size = attr.string(doc = "In the place of `file_system_size`: the file system is as large as its tree needs, and has so much free room to grow (`0`, `64M`)."),
        reserved_percent = attr.int(doc = "The share of all blocks that only root may fill, 0 to 50 percent (mke2fs: 5)."),
        journal = attr.bool(doc = "Whether to make a journal: for file systems that are mounted writable."),
        uuid = attr.string(doc = "File-system UUID. Default: derived (UUIDv5) from the target's stable name."),
        hash_seed = attr.string(doc = "UUID that seeds directory hashes (kernel documentation, ext4: s_hash_seed). Default: derived."),
    ),
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
