"""A partition that holds the bytes of a file."""

load("//rules/private:packed_partition.bzl", "COMPRESSION_ATTRS", "add_output_args", "declare_partition", "partition_outputs", "partition_providers")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")

def _raw_partition_impl(ctx):
    partition = declare_partition(ctx, entries = False)
    args = ctx.actions.args()
    args.add(ctx.file.src, format = "--image=%s")
    args.add("--zstd-level=%d" % ctx.attr.zstd_level)
    args.add("--gzip-level=%d" % ctx.attr.gzip_level)
    add_output_args(args, partition)
    tool_action(
        ctx,
        tool = "raw-image",
        arguments = [args],
        inputs = [ctx.file.src],
        outputs = partition_outputs(partition),
        mnemonic = "IcosRawImage",
        progress_message = "Packing partition %{label}",
    )
    return partition_providers(partition)

raw_partition = rule(
    implementation = _raw_partition_impl,
    doc = "A partition whose image already exists as a file: it is packed as it is.",
    attrs = dict(
        COMPRESSION_ATTRS,
        src = attr.label(allow_single_file = True, mandatory = True, doc = "The raw image; its size must be a multiple of 4096 bytes."),
    ),
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
