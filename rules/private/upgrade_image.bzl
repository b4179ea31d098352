"""An upgrade archive: the partitions that an upgrade writes to the other slot."""

load("//rules/private:archive.bzl", "ARCHIVE_ATTRS", "archive_action")
load("//rules/private:packed_partition.bzl", "partition_files")
load("//rules/private:providers/partition_info.bzl", "PartitionInfo")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")

def _upgrade_image_impl(ctx):
    boot = ctx.attr.boot[PartitionInfo]
    root = ctx.attr.root[PartitionInfo]
    args = ctx.actions.args()
    args.add(boot.index, format = "--boot=%s")
    args.add(root.index, format = "--root=%s")
    args.add(ctx.file.version_file, format = "--version-file=%s")
    return archive_action(
        ctx,
        tool = "upgrade-image",
        args = args,
        inputs = partition_files(boot) + partition_files(root) + [ctx.file.version_file],
        partitions = {"boot": boot, "root": root},
        mnemonic = "IcosUpgradeImage",
        progress_message = "Assembling upgrade %{label}",
    )

upgrade_image = rule(
    implementation = _upgrade_image_impl,
    doc = """Writes an archive of `boot.img`, `root.img` and `VERSION.TXT`, in that order.

It has the same compressed frames as the disk (docs/formats/upgrade-archive.md).""",
    attrs = ARCHIVE_ATTRS | {
        "boot": attr.label(providers = [PartitionInfo], mandatory = True, doc = "The boot partition."),
        "root": attr.label(providers = [PartitionInfo], mandatory = True, doc = "The root partition."),
        "version_file": attr.label(
            allow_single_file = True,
            mandatory = True,
            doc = "The file that becomes VERSION.TXT.",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
