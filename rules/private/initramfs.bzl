"""An initial RAM file system, built from a root file system."""

load("//rules/private:install.bzl", "decode_install", "encode_install", "only_file")
load("//rules/private:providers/layers_info.bzl", "LayersInfo")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_file")

def _initramfs_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name + ".img")
    layers = ctx.attr.src[LayersInfo].layers
    args = ctx.actions.args()
    args.add_all(layers, format_each = "--layer=%s")
    args.add_all(ctx.attr.binaries, format_each = "--binary=%s")
    args.add_all(ctx.attr.modules, format_each = "--module=%s")
    inputs = list(layers)
    for target, text in ctx.attr.files.items():
        spec = decode_install(text)
        source = only_file(target, spec)
        if spec.uid != 0 or spec.gid != 0:
            fail(("%s: %s is installed as %s with the owner %d:%d, but everything in an initramfs " +
                  "belongs to 0:0; leave the owner out") % (ctx.label, target.label, spec.path, spec.uid, spec.gid))
        args.add("--file=%s=%s:%s" % (spec.path, source.path, spec.mode))
        inputs.append(source)
    args.add(output, format = "--output=%s")
    return tool_file(
        ctx,
        tool = "initramfs",
        arguments = [args],
        inputs = inputs,
        output = output,
        mnemonic = "IcosInitramfs",
        progress_message = "Writing initramfs %{label}",
        # The --file options contain paths as text, which Bazel cannot map.
        execution_requirements = {"no-path-mapping": ""},
    )

_initramfs = rule(
    implementation = _initramfs_impl,
    doc = "Writes an initial RAM file system (cpio in the newc format, compressed with zstd).",
    attrs = {
        "src": attr.label(
            providers = [LayersInfo],
            mandatory = True,
            doc = "The root file system that contains the programs, libraries and kernel modules.",
        ),
        "binaries": attr.string_list(
            doc = "Absolute paths of programs in `src`. The libraries that they need are included.",
        ),
        "modules": attr.string_list(
            doc = """Names of kernel modules. The modules that they need are included; built-in ones
            are skipped.""",
        ),
        "files": attr.label_keyed_string_dict(
            allow_files = True,
            doc = "Maps a file to its path and mode. The owner is always 0:0.",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)

def initramfs(name, files = {}, **kwargs):
    """Defines an initial RAM file system with programs and kernel modules of a root file system.

    Args:
      name: the target's name.
      files: dict of label to `install(...)`, such as the `/init` script.
      **kwargs: `src`, `binaries`, `modules`, and the common attributes of rules.
    """
    _initramfs(name = name, files = {label: encode_install(spec) for label, spec in files.items()}, **kwargs)
