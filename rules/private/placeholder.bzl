"""A file that replaces the real one."""

load("//rules/private:providers/placeholder_info.bzl", "PlaceholderInfo")

def _placeholder_impl(ctx):
    return [
        DefaultInfo(files = depset([ctx.file.src])),
        PlaceholderInfo(note = ctx.attr.note),
    ]

placeholder = rule(
    implementation = _placeholder_impl,
    doc = """Marks a file that replaces the real one, so that an image is complete without it.

The `notes` of `image.json` contain its note.""",
    attrs = {
        "src": attr.label(allow_single_file = True, mandatory = True, doc = "The replacement."),
        "note": attr.string(
            mandatory = True,
            doc = "What this file does instead of the real one, for readers of `image.json`.",
        ),
    },
)
