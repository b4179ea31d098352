"""The version of an image, as a file."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

def _version_file_impl(ctx):
    version = ctx.attr.version[BuildSettingInfo].value
    allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+"
    if not version or [c for c in version.elems() if c not in allowed]:
        fail("%s is %r: a version has letters, digits, '.', '-', '_' and '+' only" % (ctx.attr.version.label, version))
    output = ctx.actions.declare_file(ctx.attr.out or ctx.label.name)
    ctx.actions.write(output, version + "\n")
    return [DefaultInfo(files = depset([output]))]

version_file = rule(
    implementation = _version_file_impl,
    doc = "Writes a version and a newline. The version is a build flag and not the state of the source tree, so that a commit does not make every image anew.",
    attrs = {
        "version": attr.label(providers = [BuildSettingInfo], mandatory = True, doc = "A `string_flag`."),
        "out": attr.string(doc = "The file's name. Default: the target's name."),
    },
)
