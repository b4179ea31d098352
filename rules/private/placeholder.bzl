"""A file that stands in for the real one."""

load("//rules/private:providers/placeholder_info.bzl", "PlaceholderInfo")

def _placeholder_impl(ctx):
    return [
        DefaultInfo(files = depset([ctx.file.src])),
        PlaceholderInfo(note = ctx.attr.note),
    ]

placeholder = rule(
    implementation = _placeholder_impl,
    doc = "A file that stands in for the real one, so that an image is whole without it. The note goes into the `notes` of `image.json`.",
    attrs = {
        "src": attr.label(allow_single_file = True, mandatory = True, doc = "The file."),
        "note": attr.string(mandatory = True, doc = "What it does instead of the real one, for the reader of `image.json`."),
    },
)
