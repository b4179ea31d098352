"""A partition with a FAT file system."""

load("//rules/private:packed_partition.bzl", "TREE_ATTRS", "declare_partition", "partition_action", "tree_args")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")

def _vfat_partition_impl(ctx):
    args, inputs = tree_args(ctx)
    if ctx.attr.fat_type:
        args.add("--type=" + ctx.attr.fat_type)
    if ctx.attr.volume_id:
        args.add("--volume-id=" + ctx.attr.volume_id)
    return partition_action(
        ctx,
        tool = "vfat-image",
        partition = declare_partition(ctx),
        args = args,
        inputs = inputs,
        mnemonic = "IcosVfatImage",
        progress_message = "Writing FAT partition %{label}",
    )

vfat_partition = rule(
    implementation = _vfat_partition_impl,
    doc = """Writes a FAT12, FAT16 or FAT32 file system with long names from layers and packs it.

FAT cannot store owners, modes or links: owners and modes are ignored, and links are errors. See
docs/formats/fat.md.""",
    attrs = TREE_ATTRS | {
        "fat_type": attr.string(
            values = ["", "fat12", "fat16", "fat32"],
            doc = "Width of the file allocation table. Default: chosen by size, as mkfs.fat does.",
        ),
        "volume_id": attr.string(
            doc = """Volume serial number, eight hexadecimal digits. Default: derived from the
            target's stable name.""",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
