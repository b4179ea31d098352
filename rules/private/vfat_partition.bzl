"""A partition that holds a FAT file system."""

load("//rules/private:packed_partition.bzl", "TREE_ATTRS", "declare_partition", "partition_outputs", "partition_providers", "tree_args")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")

def _vfat_partition_impl(ctx):
    partition = declare_partition(ctx)
    args, inputs = tree_args(ctx, partition)
    if ctx.attr.type:
        args.add("--type=" + ctx.attr.type)
    if ctx.attr.volume_id:
        args.add("--volume-id=" + ctx.attr.volume_id)
    tool_action(
        ctx,
        tool = "vfat-image",
        arguments = [args],
        inputs = inputs,
        outputs = partition_outputs(partition),
        mnemonic = "IcosVfatImage",
        progress_message = "Writing FAT partition %{label}",
    )
    return partition_providers(partition)

vfat_partition = rule(
    implementation = _vfat_partition_impl,
    doc = "A FAT12, FAT16 or FAT32 file system with long names, made from layers and packed. Owners, modes and links have no place in it: links are errors. See docs/formats/fat.md.",
    attrs = dict(
        TREE_ATTRS,
        type = attr.string(values = ["", "fat12", "fat16", "fat32"], doc = "Width of the file allocation table. Default: by size, as mkfs.fat chooses."),
        volume_id = attr.string(doc = "Volume serial number, eight hexadecimal digits. Default: derived from the target's stable name."),
    ),
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
