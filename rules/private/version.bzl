"""A file with the version of an image."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

def _version_file_impl(ctx):
    version = ctx.attr.version[BuildSettingInfo].value
    allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+"
    if not version or [c for c in version.elems() if c not in allowed]:
        rule = "a version can contain only letters, digits, '.', '-', '_' and '+'"
        fail("%s is %r: %s" % (ctx.attr.version.label, version, rule))
    output = ctx.actions.declare_file(ctx.attr.out or ctx.label.name)
    ctx.actions.write(output, version + "\n")
    return [DefaultInfo(files = depset([output]))]

version_file = rule(
    implementation = _version_file_impl,
    doc = """Writes a version and a newline.

The version is a build flag and not the state of the source tree, so that a commit does not rebuild
every image.""",
    attrs = {
        "version": attr.label(
            providers = [BuildSettingInfo],
            mandatory = True,
            doc = "The `string_flag` with the version.",
        ),
        "out": attr.string(doc = "Name of the output file. Default: the target's name."),
    },
)
