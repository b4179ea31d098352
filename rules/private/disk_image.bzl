"""A whole disk: a partition table and packed partitions."""

load("//rules/private:packed_partition.bzl", "partition_outputs")
load("//rules/private:providers/archive_info.bzl", "ArchiveInfo")
load("//rules/private:providers/partition_info.bzl", "PartitionInfo")
load("//rules/private:stable_name.bzl", "stable_name")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")

def declare_archive(ctx, stem):
    """Declares an archive in both compressions, with a checksum file each.

    Args:
      ctx: the rule's context.
      stem: file name without `.tar.zst`.

    Returns:
      struct of `zst`, `gz` and `checksums`.
    """
    zst = ctx.actions.declare_file(stem + ".tar.zst")
    gz = ctx.actions.declare_file(stem + ".tar.gz")
    return struct(
        zst = zst,
        gz = gz,
        checksums = [ctx.actions.declare_file(f.basename + ".sha256") for f in [zst, gz]],
    )

def _disk_image_impl(ctx):
    archive = declare_archive(ctx, ctx.attr.stem or ctx.label.name)
    args = ctx.actions.args()
    args.add(ctx.file.layout, format = "--layout=%s")
    args.add("--identity=" + stable_name(ctx.label))
    if ctx.attr.disk_guid:
        args.add("--disk-guid=" + ctx.attr.disk_guid)
    if ctx.attr.expanded_size:
        args.add("--expanded-size=" + ctx.attr.expanded_size)
    inputs = [ctx.file.layout]
    partitions = {}
    labels = {}
    for target, names in ctx.attr.partitions.items():
        info = target[PartitionInfo]
        for name in names.split(","):
            if name in partitions:
                fail("%s: two images for the partition %r: %s and %s" % (ctx.label, name, labels[name], stable_name(target.label)))
            partitions[name] = info
            labels[name] = stable_name(target.label)
            args.add(info.index, format = "--partition=%s=%%s" % name)
        inputs.extend(partition_outputs(info))
    args.add(archive.zst, format = "--zst=%s")
    args.add(archive.gz, format = "--gz=%s")
    tool_action(
        ctx,
        tool = "disk-image",
        arguments = [args],
        inputs = inputs,
        outputs = [archive.zst, archive.gz] + archive.checksums,
        mnemonic = "IcosDiskImage",
        progress_message = "Assembling disk %{label}",
    )
    return [
        DefaultInfo(files = depset([archive.zst, archive.gz] + archive.checksums)),
        OutputGroupInfo(checksums = depset(archive.checksums)),
        ArchiveInfo(zst = archive.zst, gz = archive.gz, checksums = archive.checksums, partitions = partitions),
    ]

_disk_image = rule(
    implementation = _disk_image_impl,
    doc = "A disk with a GPT (UEFI specification 2.10, section 5), as an archive of one sparse member `disk.img`.",
    attrs = {
        "layout": attr.label(allow_single_file = [".csv"], mandatory = True, doc = "`partitions.csv`: name, start, size, type, UUID, comment (docs/formats/layout.md)."),
        "partitions": attr.label_keyed_string_dict(providers = [PartitionInfo], doc = "Packed partition to the names, separated by commas, of the partitions that it fills."),
        "disk_guid": attr.string(doc = "The disk's GUID. Default: derived from the target's stable name."),
        "expanded_size": attr.string(doc = "Size of the whole disk, a number with a binary unit. Default: the end of the last partition and 1 MiB for the backup table."),
        "stem": attr.string(doc = "File name without `.tar.zst`. Default: the target's name."),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)

def disk_image(name, partitions, **kwargs):
    """A disk with a GPT, as `NAME.tar.zst`, `NAME.tar.gz` and a `.sha256` for each.

    Args:
      name: the target's name.
      partitions: dict of partition name (as in the layout) to the label of a packed partition. Partitions
        without one stay empty; a name that the layout does not have is an error.
      **kwargs: `layout`, `disk_guid`, `expanded_size`, `stem`, and what every rule takes.
    """
    names = {}
    for partition, label in partitions.items():
        names.setdefault(native.package_relative_label(label), []).append(partition)
    _disk_image(
        name = name,
        partitions = {label: ",".join(sorted(found)) for label, found in names.items()},
        **kwargs
    )
