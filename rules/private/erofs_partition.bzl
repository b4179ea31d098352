"""A partition with an EROFS file system."""

load("//rules/private:linux_file_system.bzl", "LINUX_FILE_SYSTEM_ATTRS", "linux_file_system_args")
load("//rules/private:packed_partition.bzl", "declare_partition", "partition_action")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")

def _erofs_partition_impl(ctx):
    args, inputs = linux_file_system_args(ctx)
    if ctx.attr.compression != "none":
        args.add("--compression=" + ctx.attr.compression)
    if ctx.attr.cluster_size:
        args.add("--cluster-size=" + ctx.attr.cluster_size)
    return partition_action(
        ctx,
        tool = "erofs-image",
        partition = declare_partition(ctx, root_hash = ctx.attr.verity),
        args = args,
        inputs = inputs,
        mnemonic = "IcosErofsImage",
        progress_message = "Writing EROFS partition %{label}",
    )

erofs_partition = rule(
    implementation = _erofs_partition_impl,
    doc = """Writes a read-only EROFS file system from layers and packs it.

Every kernel since 5.4 can mount it uncompressed, every kernel since 5.13 with lz4, and kernels
since 6.10 with zstd if they were built with it. All times are 0. See docs/formats/erofs.md.""",
    attrs = LINUX_FILE_SYSTEM_ATTRS | {
        "compression": attr.string(
            default = "none",
            doc = """The compression of file contents: `none`, `zstd` or `lz4`. A level can follow, as in
            `zstd,19` or `lz4,12`. The packed partition is always compressed; this attribute saves
            space on the machine's disk and in its page cache.""",
        ),
        "cluster_size": attr.string(
            doc = """Number of bytes that are compressed together: a power of two from `8K` to `1M`.
            Default: `64K`.""",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
