"""A layer of files on top of a root file system."""

load("//rules/private:install.bzl", "decode_install", "encode_install", "only_file")
load("//rules/private:providers/layers_info.bzl", "LayersInfo")
load("//rules/private:providers/placeholder_info.bzl", "PlaceholderInfo")
load("//rules/private:stable_name.bzl", "stable_name")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")

def _rootfs_impl(ctx):
    base = ctx.attr.base[LayersInfo] if ctx.attr.base else None
    layer = ctx.actions.declare_file(ctx.label.name + ".layer.tar.zst")
    manifest = ctx.actions.declare_file(ctx.label.name + ".files.json")
    components = ctx.actions.declare_file(ctx.label.name + ".components.json")

    entries = []
    origins = []
    inputs = []
    for target, text in ctx.attr.files.items():
        spec = decode_install(text)
        source = only_file(target, spec)
        kind = "tree" if source.is_directory else "file"
        entries.append(struct(
            path = spec.path,
            type = kind,
            mode = spec.mode,
            uid = spec.uid,
            gid = spec.gid,
            source = source.path,
        ))
        note = {"note": target[PlaceholderInfo].note} if PlaceholderInfo in target else {}
        origins.append(struct(path = spec.path, label = stable_name(target.label), **note))
        inputs.append(source)
    for path, mode in ctx.attr.directories.items():
        entries.append(struct(path = path, type = "directory", mode = mode, uid = 0, gid = 0))
    for path, target in ctx.attr.symlinks.items():
        entries.append(struct(path = path, type = "symlink", mode = "0777", uid = 0, gid = 0, target = target))

    ctx.actions.write(manifest, json.encode_indent(struct(entries = entries), indent = " ") + "\n")
    ctx.actions.write(components, json.encode_indent(struct(components = origins), indent = " ") + "\n")
    args = ctx.actions.args()
    args.add(manifest, format = "--manifest=%s")
    args.add(layer, format = "--output=%s")
    tool_action(
        ctx,
        tool = "layer",
        arguments = [args],
        inputs = inputs + [manifest],
        outputs = [layer],
        mnemonic = "IcosLayer",
        progress_message = "Writing layer %{label}",
        # The manifest contains paths as text, which Bazel cannot map.
        execution_requirements = {"no-path-mapping": ""},
    )
    return [
        DefaultInfo(files = depset([layer])),
        LayersInfo(
            layers = (base.layers if base else []) + [layer],
            config = base.config if base else None,
            packages = base.packages if base else depset(),
            components = depset([components], transitive = [base.components] if base else []),
        ),
    ]

_rootfs = rule(
    implementation = _rootfs_impl,
    doc = "Adds a layer of files, directories and symbolic links to a root file system.",
    attrs = {
        "base": attr.label(
            providers = [LayersInfo],
            doc = "The root file system below the new layer. Default: an empty one.",
        ),
        "files": attr.label_keyed_string_dict(
            allow_files = True,
            doc = "Maps a file to its path, mode and owner.",
        ),
        "directories": attr.string_dict(
            doc = "Maps the absolute path of a directory to its mode in octal. The owner is root.",
        ),
        "symlinks": attr.string_dict(
            doc = "Maps the absolute path of a symbolic link to its target, which is stored unchanged.",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)

def rootfs(name, files = {}, **kwargs):
    """Adds a layer of files, directories and symbolic links to a root file system.

    ```starlark
    rootfs(
        name = "root",
        base = ":os",
        files = {"//your:replica": install("/opt/ic/bin/replica", mode = "0755")},
    )
    ```

    Args:
      name: the target's name.
      files: dict of label to `install(...)`. Each label must have exactly one output, which is a
        file or a directory (a tree artifact). All files of a directory get the given mode and owner.
      **kwargs: `base`, `directories`, `symlinks`, and the common attributes of rules.
    """
    _rootfs(
        name = name,
        files = {label: encode_install(spec) for label, spec in files.items()},
        **kwargs
    )
