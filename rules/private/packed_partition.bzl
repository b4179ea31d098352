"""The parts that all partition rules share: outputs, arguments and providers."""

load("//rules/private:providers/layers_info.bzl", "LayersInfo")
load("//rules/private:providers/partition_info.bzl", "PartitionInfo")
load("//rules/private:stable_name.bzl", "stable_name")
load("//rules/private:tool_action.bzl", "tool_action")

COMPRESSION_ATTRS = {
    "zstd_level": attr.int(
        default = 3,
        doc = """zstd level, 1 to 22. RFC 8878 allows several encodings of the same data; the
        toolchain pins Node's libzstd, so that the result is always the same.""",
    ),
    "gzip_level": attr.int(default = 6, doc = "DEFLATE level, 1 to 9 (RFC 1952)."),
}

FILE_SYSTEM_SIZE_DOC = """Size of the file system: a number with a binary unit (`100M`, `3G`,
`512KiB`). If it is too small, the error says by how much."""

TREE_ATTRS = dict(
    COMPRESSION_ATTRS,
    src = attr.label(
        providers = [LayersInfo],
        doc = "The content: a `rootfs` or any other target with layers. Default: an empty file system.",
    ),
    subtree = attr.string(
        doc = """Absolute path of the directory of `src` that becomes the root of the file system,
        such as `/boot`. Default: `/`.""",
    ),
    exclude = attr.string_list(
        doc = """Absolute paths to leave out. `/boot/*` leaves out the content of a directory and
        keeps the directory; `/boot` leaves out both.""",
    ),
    file_system_size = attr.string(mandatory = True, doc = FILE_SYSTEM_SIZE_DOC),
    label = attr.string(
        doc = "Volume label: at most 16 bytes in ext4, 15 in EROFS and 11 in FAT. Default: none.",
    ),
)

def declare_partition(ctx, entries = True, root_hash = False):
    """Declares the outputs of a packed partition and collects the origins of its content.

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

def partition_files(partition):
    """Lists all files of a packed partition.

    Args:
      partition: a PartitionInfo.

    Returns:
      list of File.
    """
    return [
        file
        for file in [partition.zst, partition.gz, partition.index, partition.entries, partition.root_hash]
        if file != None
    ]

def tree_args(ctx):
    """Makes the arguments that `ext4-image`, `erofs-image` and `vfat-image` share.

    Args:
      ctx: the context of a rule with TREE_ATTRS.

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
    return args, layers

def partition_action(ctx, *, tool, partition, args, inputs, mnemonic, progress_message):
    """Runs the tool that writes a packed partition and returns the rule's providers.

    Args:
      ctx: the context of a rule with COMPRESSION_ATTRS.
      tool: the tool's name.
      partition: the PartitionInfo to write.
      args: an Args object: the options of this tool. Levels and outputs are added to it.
      inputs: list of File that the tool reads.
      mnemonic: the action's mnemonic.
      progress_message: the action's progress message.

    Returns:
      list of providers.
    """
    args.add("--zstd-level=%d" % ctx.attr.zstd_level)
    args.add("--gzip-level=%d" % ctx.attr.gzip_level)
    args.add(partition.zst, format = "--zst=%s")
    args.add(partition.gz, format = "--gz=%s")
    args.add(partition.index, format = "--index=%s")
    if partition.entries:
        args.add(partition.entries, format = "--entries=%s")
    if partition.root_hash:
        args.add(partition.root_hash, format = "--root-hash=%s")
    tool_action(
        ctx,
        tool = tool,
        arguments = [args],
        inputs = inputs,
        outputs = partition_files(partition),
        mnemonic = mnemonic,
        progress_message = progress_message,
    )
    return [
        partition,
        DefaultInfo(files = depset([partition.zst, partition.index])),
        OutputGroupInfo(
            entries = depset([partition.entries] if partition.entries else []),
            gz = depset([partition.gz]),
            root_hash = depset([partition.root_hash] if partition.root_hash else []),
        ),
    ]
