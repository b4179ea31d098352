"""A whole disk: a partition table and packed partitions."""

load("//rules/private:archive.bzl", "ARCHIVE_ATTRS", "archive_action")
load("//rules/private:packed_partition.bzl", "partition_files")
load("//rules/private:providers/partition_info.bzl", "PartitionInfo")
load("//rules/private:stable_name.bzl", "stable_name")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")

def _disk_image_impl(ctx):
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
                second = stable_name(target.label)
                fail("%s: two images for the partition %r: %s and %s" % (ctx.label, name, labels[name], second))
            partitions[name] = info
            labels[name] = stable_name(target.label)
            args.add(info.index, format = "--partition=%s=%%s" % name)
        inputs.extend(partition_files(info))
    return archive_action(
        ctx,
        tool = "disk-image",
        args = args,
        inputs = inputs,
        partitions = partitions,
        mnemonic = "IcosDiskImage",
        progress_message = "Assembling disk %{label}",
    )

_disk_image = rule(
    implementation = _disk_image_impl,
    doc = """Writes a disk with a GPT (UEFI specification 2.10, section 5).

The output is an archive with one sparse member `disk.img`.""",
    attrs = ARCHIVE_ATTRS | {
        "layout": attr.label(
            allow_single_file = [".csv"],
            mandatory = True,
            doc = "`partitions.csv`: name, start, size, type, UUID, comment (docs/formats/layout.md).",
        ),
        "partitions": attr.label_keyed_string_dict(
            providers = [PartitionInfo],
            doc = """Maps a packed partition to the names of the partitions that it fills, separated
            by commas.""",
        ),
        "disk_guid": attr.string(doc = "The disk's GUID. Default: derived from the target's stable name."),
        "expanded_size": attr.string(
            doc = """Size of the whole disk, a number with a binary unit. Default: the end of the
            last partition plus 1 MiB for the backup table.""",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)

def disk_image(name, partitions, **kwargs):
    """Defines a disk with a GPT: `NAME.tar.zst`, `NAME.tar.gz` and a `.sha256` file for each.

    Args:
      name: the target's name.
      partitions: dict of partition name (as in the layout) to the label of a packed partition.
        Partitions of the layout that are not in the dict stay empty; a name that is not in the
        layout is an error.
      **kwargs: `layout`, `disk_guid`, `expanded_size`, `stem`, and the common attributes of rules.
    """
    names = {}
    for partition, label in partitions.items():
        names.setdefault(native.package_relative_label(label), []).append(partition)
    _disk_image(
        name = name,
        partitions = {label: ",".join(sorted(found)) for label, found in names.items()},
        **kwargs
    )
