"""An upgrade archive: what goes into the other slot."""

load("//rules/private:disk_image.bzl", "declare_archive")
load("//rules/private:packed_partition.bzl", "partition_outputs")
load("//rules/private:providers/archive_info.bzl", "ArchiveInfo")
load("//rules/private:providers/partition_info.bzl", "PartitionInfo")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")

def _upgrade_image_impl(ctx):
    archive = declare_archive(ctx, ctx.attr.stem or ctx.label.name)
    boot = ctx.attr.boot[PartitionInfo]
    root = ctx.attr.root[PartitionInfo]
    args = ctx.actions.args()
    args.add(boot.index, format = "--boot=%s")
    args.add(root.index, format = "--root=%s")
    args.add(ctx.file.version, format = "--version-file=%s")
    args.add(archive.zst, format = "--zst=%s")
    args.add(archive.gz, format = "--gz=%s")
    tool_action(
        ctx,
        tool = "upgrade-image",
        arguments = [args],
        inputs = partition_outputs(boot) + partition_outputs(root) + [ctx.file.version],
        outputs = [archive.zst, archive.gz] + archive.checksums,
        mnemonic = "IcosUpgradeImage",
        progress_message = "Assembling upgrade %{label}",
    )
    return [
        DefaultInfo(files = depset([archive.zst, archive.gz] + archive.checksums)),
        OutputGroupInfo(checksums = depset(archive.checksums)),
        ArchiveInfo(zst = archive.zst, gz = archive.gz, checksums = archive.checksums, partitions = {"boot": boot, "root": root}),
    ]

upgrade_image = rule(
    implementation = _upgrade_image_impl,
    doc = "An archive of `boot.img`, `root.img` and `VERSION.TXT`, in that order: the same frames as in the disk (docs/formats/upgrade-archive.md).",
    attrs = {
        "boot": attr.label(providers = [PartitionInfo], mandatory = True, doc = "The boot partition."),
        "root": attr.label(providers = [PartitionInfo], mandatory = True, doc = "The root partition."),
        "version": attr.label(allow_single_file = True, mandatory = True, doc = "The file that becomes VERSION.TXT."),
        "stem": attr.string(doc = "File name without `.tar.zst`. Default: the target's name."),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
