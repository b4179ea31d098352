"""The parts that ext4 and EROFS partitions share: a UUID, SELinux labels and dm-verity."""

load("//rules/private:packed_partition.bzl", "TREE_ATTRS", "tree_args")

LINUX_FILE_SYSTEM_ATTRS = dict(
    TREE_ATTRS,
    uuid = attr.string(doc = "File-system UUID. Default: derived (UUIDv5) from the target's stable name."),
    file_contexts = attr.label(
        allow_files = True,
        doc = """The policy's `file_contexts`, or a target that provides it together with
        `file_contexts.homedirs`, `.local`, `.subs` or `.subs_dist`. Every entry gets the SELinux
        label that libselinux would give it, instead of any label in the layers. Default: the labels
        of the layers. See docs/formats/selinux.md.""",
    ),
    mount_point = attr.string(
        doc = """Absolute path under which the root of this file system is looked up in
        `file_contexts`. Default: `subtree`.""",
    ),
    verity = attr.bool(
        doc = """Whether to append a dm-verity hash tree directly after the file system, and to
        write its root hash.""",
    ),
    verity_salt = attr.string(doc = "Salt of the hash tree, 64 hexadecimal digits. Default: derived."),
    verity_uuid = attr.string(doc = "UUID of the hash tree's superblock. Default: derived."),
)

def linux_file_system_args(ctx):
    """Makes the arguments that `ext4-image` and `erofs-image` share.

    Args:
      ctx: the context of a rule with LINUX_FILE_SYSTEM_ATTRS.

    Returns:
      tuple of an Args object and the list of input Files.
    """
    if ctx.attr.mount_point and not ctx.attr.file_contexts:
        fail(("%s: mount_point = %r is the path under which labels are looked up; " +
              "set file_contexts too") % (ctx.label, ctx.attr.mount_point))
    args, layers = tree_args(ctx)
    if ctx.attr.uuid:
        args.add("--uuid=" + ctx.attr.uuid)
    args.add_all(ctx.files.file_contexts, format_each = "--file-contexts=%s")
    if ctx.attr.mount_point:
        args.add("--mount-point=" + ctx.attr.mount_point)
    if ctx.attr.verity:
        args.add("--verity")
        if ctx.attr.verity_salt:
            args.add("--verity-salt=" + ctx.attr.verity_salt)
        if ctx.attr.verity_uuid:
            args.add("--verity-uuid=" + ctx.attr.verity_uuid)
    return args, layers + ctx.files.file_contexts
