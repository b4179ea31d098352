"""A partition that holds an LVM2 physical volume, with a volume group of its own."""

load("//rules/private:packed_partition.bzl", "COMPRESSION_ATTRS", "add_output_args", "declare_partition", "partition_outputs", "partition_providers")
load("//rules/private:providers/partition_info.bzl", "PartitionInfo")
load("//rules/private:stable_name.bzl", "stable_name")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")

def logical_volume(size, content = None, uuid = ""):
    """Says what a logical volume of `lvm_partition` is.

    Args:
      size: its size, a number with a binary unit (`1G`), in whole extents.
      content: label of the packed partition that it begins with. Default: none, it is empty.
      uuid: its LVM UUID, 32 letters and digits as 6-4-4-4-4-4-6. Default: derived from the target's stable name and
        the volume's.

    Returns:
      a struct that `lvm_partition` takes as the value for a volume's name.
    """
    return struct(size = size, content = content, uuid = uuid)

def _with_contents(partition, contents):
    """The partition, with the packages and components of what is in it."""
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
    args.add("--zstd-level=%d" % ctx.attr.zstd_level)
    args.add("--gzip-level=%d" % ctx.attr.gzip_level)
    add_output_args(args, partition)
    tool_action(
        ctx,
        tool = "lvm-image",
        arguments = [args],
        inputs = inputs,
        outputs = partition_outputs(partition),
        mnemonic = "IcosLvmImage",
        progress_message = "Writing LVM volume group %{label}",
    )
    return partition_providers(partition)

_lvm_partition = rule(
    implementation = _lvm_partition_impl,
    doc = "An LVM2 physical volume that is a volume group of its own, with linear logical volumes. See docs/formats/lvm.md.",
    attrs = dict(
        COMPRESSION_ATTRS,
        vg_name = attr.string(mandatory = True, doc = "Name of the volume group (lvm(8), VALID NAMES)."),
        partition_size = attr.string(mandatory = True, doc = "Size of the physical volume, which is that of its partition: a number with a binary unit (`100G`)."),
        volumes = attr.string_list(doc = "`NAME=SIZE` of each logical volume, in their order on the physical volume."),
        volume_uuids = attr.string_list(doc = "`NAME=UUID` of the logical volumes that have a UUID of their own."),
        contents = attr.label_keyed_string_dict(providers = [PartitionInfo], doc = "Packed partition to the names, separated by commas, of the logical volumes that begin with it."),
        vg_uuid = attr.string(doc = "LVM UUID of the volume group. Default: derived from the target's stable name."),
        pv_uuid = attr.string(doc = "LVM UUID of the physical volume. Default: derived from the target's stable name."),
        vg_tags = attr.string_list(doc = "Tags of the volume group."),
        extent_size = attr.string(default = "4M", doc = "Size of an extent: a power of two from 4 KiB on, or a multiple of 128 KiB."),
        data_start = attr.string(default = "4M", doc = "Where the first extent begins. `4M` lets contents be copied as they are compressed; lvm2 itself takes `1M`."),
        metadata_copies = attr.int(default = 1, values = [1, 2], doc = "Copies of the metadata: one at the start, or another one at the end."),
    ),
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)

def lvm_partition(name, logical_volumes, **kwargs):
    """A partition that is the one physical volume of an LVM2 volume group.

    Args:
      name: the target's name.
      logical_volumes: dict of a logical volume's name to the struct of `logical_volume`, in their order on the disk.
      **kwargs: `vg_name`, `partition_size`, `vg_uuid`, `pv_uuid`, `vg_tags`, `extent_size`, `data_start`, `metadata_copies`, and
        what every rule takes.
    """
    contents = {}
    for volume, spec in logical_volumes.items():
        if "=" in volume or "," in volume:
            fail("lvm_partition(name = %r): %r is no name of a logical volume" % (name, volume))
        if spec.content:
            contents.setdefault(native.package_relative_label(spec.content), []).append(volume)
    _lvm_partition(
        name = name,
        volumes = ["%s=%s" % (volume, spec.size) for volume, spec in logical_volumes.items()],
        volume_uuids = ["%s=%s" % (volume, spec.uuid) for volume, spec in logical_volumes.items() if spec.uuid],
        contents = {label: ",".join(volumes) for label, volumes in contents.items()},
        **kwargs
    )
