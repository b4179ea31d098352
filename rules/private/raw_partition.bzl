"""A partition with the bytes of a file."""

load("//rules/private:packed_partition.bzl", "COMPRESSION_ATTRS", "declare_partition", "partition_action")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")

def _raw_partition_impl(ctx):
    args = ctx.actions.args()
    args.add(ctx.file.src, format = "--image=%s")
    return partition_action(
        ctx,
        tool = "raw-image",
        partition = declare_partition(ctx, entries = False),
        args = args,
        inputs = [ctx.file.src],
        mnemonic = "IcosRawImage",
        progress_message = "Packing partition %{label}",
    )

raw_partition = rule(
    implementation = _raw_partition_impl,
    doc = "Packs a partition image that already exists as a file. The content is unchanged.",
    attrs = COMPRESSION_ATTRS | {
        "src": attr.label(
            allow_single_file = True,
            mandatory = True,
            doc = "The raw image; its size must be a multiple of 4096 bytes.",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
