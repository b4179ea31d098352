"""A partition that is an LVM2 physical volume with its own volume group."""

load("//rules/private:packed_partition.bzl", "COMPRESSION_ATTRS", "declare_partition", "partition_action")
load("//rules/private:providers/partition_info.bzl", "PartitionInfo")
load("//rules/private:stable_name.bzl", "stable_name")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")

def logical_volume(size, content = None, uuid = ""):
    """Describes a logical volume of `lvm_partition`.

    Args:
      size: the volume's size: a number with a binary unit (`1G`), a multiple of the extent size.
      content: label of a packed partition, which is copied to the start of the volume. Default: the
        volume is empty.
      uuid: the volume's LVM UUID, 32 letters and digits as 6-4-4-4-4-4-6. Default: derived from the
        target's stable name and the volume's name.

    Returns:
      a struct: the value for the volume's name in `lvm_partition`.
    """
    return struct(size = size, content = content, uuid = uuid)

def _with_contents(partition, contents):
    """Returns the partition with the packages and components of its logical volumes."""
    return PartitionInfo(
        zst = partition.zst,
        gz = partition.gz,
        index = partition.index,
        entries = None,
        root_hash = None,
        packages = depset(transitive = [content.packages for content in contents]),
        components = depset(transitive = [content.components for content in contents]),
    )

def _lvm_partition_impl(ctx):
    contents = [target[PartitionInfo] for target in ctx.attr.contents]
    partition = _with_contents(declare_partition(ctx, entries = False), contents)
    args = ctx.actions.args()
    args.add("--vg-name=" + ctx.attr.vg_name)
    args.add("--identity=" + stable_name(ctx.label))
    args.add("--size=" + ctx.attr.partition_size)
    args.add("--extent-size=" + ctx.attr.extent_size)
    args.add("--data-start=" + ctx.attr.data_start)
    args.add("--metadata-copies=%d" % ctx.attr.metadata_copies)
    if ctx.attr.vg_uuid:
        args.add("--vg-uuid=" + ctx.attr.vg_uuid)
    if ctx.attr.pv_uuid:
        args.add("--pv-uuid=" + ctx.attr.pv_uuid)
    args.add_all(ctx.attr.vg_tags, format_each = "--tag=%s")
    args.add_all(ctx.attr.volumes, format_each = "--volume=%s")
    args.add_all(ctx.attr.volume_uuids, format_each = "--volume-uuid=%s")
    inputs = []
    for target, names in ctx.attr.contents.items():
        content = target[PartitionInfo]
        for name in names.split(","):
            args.add(content.index, format = "--content=%s=%%s" % name)
        inputs.extend([content.index, content.zst, content.gz])
    return partition_action(
        ctx,
        tool = "lvm-image",
        partition = partition,
        args = args,
        inputs = inputs,
        mnemonic = "IcosLvmImage",
        progress_message = "Writing LVM volume group %{label}",
    )

_lvm_partition = rule(
    implementation = _lvm_partition_impl,
    doc = """Writes an LVM2 physical volume and packs it.

It has its own volume group with linear logical volumes. See docs/formats/lvm.md.""",
    attrs = dict(
        COMPRESSION_ATTRS,
        vg_name = attr.string(mandatory = True, doc = "Name of the volume group (lvm(8), VALID NAMES)."),
        partition_size = attr.string(
            mandatory = True,
            doc = "Size of the physical volume and of its partition: a number with a binary unit (`100G`).",
        ),
        volumes = attr.string_list(
            doc = "`NAME=SIZE` of each logical volume, in the order on the physical volume.",
        ),
        volume_uuids = attr.string_list(doc = "`NAME=UUID` of each logical volume whose UUID is not derived."),
        contents = attr.label_keyed_string_dict(
            providers = [PartitionInfo],
            doc = """Maps a packed partition to the names of the logical volumes that start with it,
            separated by commas.""",
        ),
        vg_uuid = attr.string(
            doc = "LVM UUID of the volume group. Default: derived from the target's stable name.",
        ),
        pv_uuid = attr.string(
            doc = "LVM UUID of the physical volume. Default: derived from the target's stable name.",
        ),
        vg_tags = attr.string_list(doc = "Tags of the volume group."),
        extent_size = attr.string(
            default = "4M",
            doc = "Size of an extent: a power of two of at least 4 KiB, or a multiple of 128 KiB.",
        ),
        data_start = attr.string(
            default = "4M",
            doc = """Offset of the first extent. With `4M`, the contents are copied without
            compressing them again; the default of lvm2 is `1M`.""",
        ),
        metadata_copies = attr.int(
            default = 1,
            values = [1, 2],
            doc = "Copies of the metadata: 1 at the start, or 2 with another at the end.",
        ),
    ),
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)

def lvm_partition(name, logical_volumes, **kwargs):
    """Defines a partition that is the only physical volume of an LVM2 volume group.

    Args:
      name: the target's name.
      logical_volumes: dict of the name of a logical volume to `logical_volume(...)`, in the order
        on the disk.
      **kwargs: `vg_name`, `partition_size`, `vg_uuid`, `pv_uuid`, `vg_tags`, `extent_size`,
        `data_start`, `metadata_copies`, `zstd_level`, `gzip_level`, and the common attributes of
        rules.
    """
    contents = {}
    for volume, spec in logical_volumes.items():
        if "=" in volume or "," in volume:
            fail("lvm_partition(name = %r): %r is not a name of a logical volume" % (name, volume))
        if spec.content:
            contents.setdefault(native.package_relative_label(spec.content), []).append(volume)
    _lvm_partition(
        name = name,
        volumes = ["%s=%s" % (volume, spec.size) for volume, spec in logical_volumes.items()],
        volume_uuids = ["%s=%s" % (volume, spec.uuid) for volume, spec in logical_volumes.items() if spec.uuid],
        contents = {label: ",".join(volumes) for label, volumes in contents.items()},
        **kwargs
    )
