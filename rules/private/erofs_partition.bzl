"""A partition that holds an EROFS file system."""

load("//rules/private:file_contexts.bzl", "FILE_CONTEXTS_ATTRS", "add_file_contexts_args")
load("//rules/private:packed_partition.bzl", "TREE_ATTRS", "declare_partition", "partition_outputs", "partition_providers", "tree_args")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")
load("//rules/private:verity.bzl", "VERITY_ATTRS", "add_verity_args")

def _erofs_partition_impl(ctx):
    partition = declare_partition(ctx, root_hash = ctx.attr.verity)
    args, inputs = tree_args(ctx, partition)
    if ctx.attr.uuid:
        args.add("--uuid=" + ctx.attr.uuid)
    if ctx.attr.compression != "none":
        args.add("--compression=" + ctx.attr.compression)
    if ctx.attr.cluster_size:
        args.add("--cluster-size=" + ctx.attr.cluster_size)
    policy = add_file_contexts_args(args, ctx)
    add_verity_args(args, ctx.attr)
    tool_action(
        ctx,
        tool = "erofs-image",
        arguments = [args],
        inputs = inputs + policy,
        outputs = partition_outputs(partition),
        mnemonic = "IcosErofsImage",
        progress_message = "Writing EROFS partition %{label}",
    )
    return partition_providers(partition)

erofs_partition = rule(
    implementation = _erofs_partition_impl,
    doc = """A read-only EROFS file system, made from layers and packed.

Every kernel since 5.4 mounts what is not compressed, since 5.13 lz4, and since 6.10 zstd where it was built with that. All
times are 0. See docs/formats/erofs.md.""",
    attrs = dict(
        TREE_ATTRS | FILE_CONTEXTS_ATTRS | VERITY_ATTRS,
        compression = attr.string(default = "none", doc = "How the content of files is stored: `none`, `zstd` or `lz4`, or with a level, such as `zstd,19` or `lz4,12`. What is packed is compressed anyway: it is the machine's disk and page cache that this saves."),
        cluster_size = attr.string(doc = "How much content is compressed at once: a power of two from `8K` to `1M`. Default: `64K`."),
        uuid = attr.string(doc = "File-system UUID. Default: derived (UUIDv5) from the target's stable name."),
    ),
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
