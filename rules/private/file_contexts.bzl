"""SELinux labels for the file systems that can hold them."""

FILE_CONTEXTS_ATTRS = {
    "file_contexts": attr.label(allow_files = True, doc = "The policy's `file_contexts`, or a target that gives it with `file_contexts.homedirs`, `.local`, `.subs` or `.subs_dist`: every entry gets the SELinux label that libselinux would give it, in the place of any other. Default: labels stay as the layers have them. See docs/formats/selinux.md."),
    "mount_point": attr.string(doc = "Absolute path that `file_contexts` is asked about for the root of this file system. Default: `subtree`."),
}

def add_file_contexts_args(args, ctx):
    """Adds the options that label a file system.

    Args:
      args: an Args object.
      ctx: the context of a rule with FILE_CONTEXTS_ATTRS.

    Returns:
      list of File, the inputs that this needs.
    """
    if ctx.attr.mount_point and not ctx.attr.file_contexts:
        fail("%s: mount_point = %r says where labels are looked up; give file_contexts too" % (ctx.label, ctx.attr.mount_point))
    args.add_all(ctx.files.file_contexts, format_each = "--file-contexts=%s")
    if ctx.attr.mount_point:
        args.add("--mount-point=" + ctx.attr.mount_point)
    return ctx.files.file_contexts
