"""A root file system built from an OCI image."""

load("//rules/private:providers/layers_info.bzl", "LayersInfo")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")

def _oci_base_impl(ctx):
    layer = ctx.actions.declare_file(ctx.label.name + ".layer.tar.zst")
    config = ctx.actions.declare_file(ctx.label.name + ".config.json")
    args = ctx.actions.args()
    args.add_all([ctx.file.image], format_each = "--image=%s", expand_directories = False)
    args.add("--platform=" + ctx.attr.platform)
    args.add(layer, format = "--output=%s")
    args.add(config, format = "--output-config=%s")
    tool_action(
        ctx,
        tool = "oci-base",
        arguments = [args],
        inputs = [ctx.file.image],
        outputs = [layer, config],
        mnemonic = "IcosOciBase",
        progress_message = "Flattening OCI image %{label}",
    )
    return [
        DefaultInfo(files = depset([layer, config])),
        LayersInfo(layers = [layer], config = config, packages = depset(), components = depset()),
    ]

oci_base = rule(
    implementation = _oci_base_impl,
    doc = "Flattens an OCI image (image-spec 1.1) into one layer. Whiteouts are applied, and digests are verified.",
    attrs = {
        "image": attr.label(
            allow_single_file = True,
            mandatory = True,
            doc = "An OCI layout directory, or a tar archive of one.",
        ),
        "platform": attr.string(
            default = "linux/amd64",
            doc = "Which image of an index to use: `OS/ARCHITECTURE`.",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
