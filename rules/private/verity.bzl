"""What the rules of read-only file systems have in common: a dm-verity hash tree behind the file system."""

VERITY_ATTRS = {
    "verity": attr.bool(doc = "Whether to append a dm-verity hash tree right behind the file system, and write its root hash."),
    "verity_salt": attr.string(doc = "Salt of the hash tree, 64 hexadecimal digits. Default: derived."),
    "verity_uuid": attr.string(doc = "UUID of the hash tree's superblock. Default: derived."),
}

def add_verity_args(args, attr):
    """Adds the options that ask for a hash tree, if the rule's attributes do.

    Args:
      args: an Args object.
      attr: `ctx.attr` of a rule with VERITY_ATTRS.
    """
    if not attr.verity:
        return
    args.add("--verity")
    if attr.verity_salt:
        args.add("--verity-salt=" + attr.verity_salt)
    if attr.verity_uuid:
        args.add("--verity-uuid=" + attr.verity_uuid)
