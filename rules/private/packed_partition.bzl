"""What the partition rules have in common: outputs, arguments and providers of a packed partition."""

load("//rules/private:providers/layers_info.bzl", "LayersInfo")
load("//rules/private:providers/partition_info.bzl", "PartitionInfo")
load("//rules/private:stable_name.bzl", "stable_name")

COMPRESSION_ATTRS = {
    "zstd_level": attr.int(default = 3, doc = "zstd level, 1 to 22 (RFC 8878 leaves it to the encoder; Node's libzstd is pinned by the toolchain)."),
    "gzip_level": attr.int(default = 6, doc = "DEFLATE level, 1 to 9 (RFC 1952)."),
}

TREE_ATTRS = dict(
    COMPRESSION_ATTRS,
    src = attr.label(providers = [LayersInfo], doc = "What goes in: a `rootfs` or anything else with layers. Without it the file system is empty."),
    subtree = attr.string(doc = "Absolute path of the directory of `src` that becomes the root of the file system, such as `/boot`. Default: all of it."),
    exclude = attr.string_list(doc = "Absolute paths to leave out. `/boot/*` leaves out what is in a directory and keeps the directory; `/boot` leaves out both."),
    file_system_size = attr.string(mandatory = True, doc = "Size of the file system: a number with a binary unit (`100M`, `3G`, `512KiB`). An error says by how much it is too small."),
    label = attr.string(doc = "Volume label, at most 16 bytes in ext4, 15 in EROFS and 11 in FAT. Default: none."),
)

def declare_partition(ctx, entries = True, root_hash = False):
    """Declares the outputs of a packed partition and gathers what is known about its contents.

    Args:
      ctx: the rule's context.
      entries: whether the partition has a file system whose entries are listed.
      root_hash: whether a dm-verity root hash is written.

    Returns:
      a PartitionInfo.
    """
    name = ctx.label.name
    src = ctx.attr.src[LayersInfo] if getattr(ctx.attr, "src", None) and LayersInfo in ctx.attr.src else None
    return PartitionInfo(
        zst = ctx.actions.declare_file(name + ".img.zst"),
        gz = ctx.actions.declare_file(name + ".img.gz"),
        index = ctx.actions.declare_file(name + ".json"),
        entries = ctx.actions.declare_file(name + ".entries.json") if entries else None,
        root_hash = ctx.actions.declare_file(name + ".root_hash") if root_hash else None,
        packages = src.packages if src else depset(),
        components = src.components if src else depset(),
    )

def partition_outputs(partition):
    """Lists the files of a PartitionInfo that an action writes.

    Args:
      partition: a PartitionInfo.

    Returns:
      list of File.
    """
    return [
        f
        for f in [partition.zst, partition.gz, partition.index, partition.entries, partition.root_hash]
        if f != None
    ]

def add_output_args(args, partition):
    """Adds the output options that every partition tool takes.

    Args:
      args: an Args object.
      partition: the PartitionInfo to write.
    """
    args.add(partition.zst, format = "--zst=%s")
    args.add(partition.gz, format = "--gz=%s")
    args.add(partition.index, format = "--index=%s")
    if partition.entries:
        args.add(partition.entries, format = "--entries=%s")
    if partition.root_hash:
        args.add(partition.root_hash, format = "--root-hash=%s")

def tree_args(ctx, partition):
    """Makes the arguments that `ext4-image`, `erofs-image` and `vfat-image` share.

    Args:
      ctx: the context of a rule with TREE_ATTRS.
      partition: the PartitionInfo to write.

    Returns:
      tuple of an Args object and the list of input Files.
    """
    layers = ctx.attr.src[LayersInfo].layers if ctx.attr.src else []
    args = ctx.actions.args()
    args.add_all(layers, format_each = "--layer=%s")
    if ctx.attr.subtree:
        args.add("--subtree=" + ctx.attr.subtree)
    args.add_all(ctx.attr.exclude, format_each = "--exclude=%s")
    if ctx.attr.file_system_size:
        args.add("--size=" + ctx.attr.file_system_size)
    args.add("--label=" + ctx.attr.label)
    args.add("--identity=" + stable_name(ctx.label))
    args.add("--zstd-level=%d" % ctx.attr.zstd_level)
    args.add("--gzip-level=%d" % ctx.attr.gzip_level)
    add_output_args(args, partition)
    return args, layers

def partition_providers(partition):
    """The providers of every partition rule.

    Args:
      partition: a PartitionInfo.

    Returns:
      list of providers.
    """
    return [
        partition,
        DefaultInfo(files = depset([partition.zst, partition.index])),
        OutputGroupInfo(
            entries = depset([partition.entries] if partition.entries else []),
            gz = depset([partition.gz]),
            root_hash = depset([partition.root_hash] if partition.root_hash else []),
        ),
    ]
