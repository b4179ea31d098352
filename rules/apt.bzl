"""The module extension for Debian packages that a lock pins.

```starlark
apt = use_extension("@icos//rules:apt.bzl", "apt")
apt.debs(name = "guestos_debs", lock = "//ic-os/locks:guestos.lock.json")
apt.root(name = "host_tools", lock = "//ic-os/locks:host-tools.lock.json", commands = ["usr/bin/mtype"])
use_repo(apt, "guestos_debs", "host_tools")
```

The mirrors are no part of a lock: they come from `--repo_env=ICOS_APT_MIRRORS` (base addresses apart by spaces or commas, tried in
order), else from the host's own apt configuration.
"""

load("//rules/private:apt_debs.bzl", "apt_debs")
load("//rules/private:apt_root.bzl", "apt_root")
load("//rules/private:apt_update_lock.bzl", _apt_update_lock = "apt_update_lock")

apt_update_lock = _apt_update_lock

_LOCK = attr.label(mandatory = True, doc = "The lock, made by update_lock (see docs/formats/package-lock.md).")
_NAME = attr.string(mandatory = True, doc = "The repository's name.")

_debs = tag_class(
    doc = "A repository of .deb files: one `filegroup` for each set of the lock, and one for each package.",
    attrs = {"name": _NAME, "lock": _LOCK},
)

_root = tag_class(
    doc = "A repository of unpacked packages: `:root` is every file, and each command is an executable that runs in place.",
    attrs = {
        "name": _NAME,
        "lock": _LOCK,
        "commands": attr.string_list(doc = "Programs to make executables for, as paths without a leading slash."),
        "arguments": attr.string_list_dict(doc = "Arguments that go before the caller's, for each command's name; `{root}` stands for the directory."),
        "environment": attr.string_dict(doc = "Environment of every command; `{root}` stands for the directory."),
        "files": attr.string_dict(doc = "More files, as paths without a leading slash, and their content."),
        "exclude": attr.string_list(doc = "Paths to leave out, without a leading slash; a component `*` stands for every name."),
    },
)

def _apt_impl(mctx):
    for module in mctx.modules:
        for tag in module.tags.debs:
            apt_debs(name = tag.name, lock = tag.lock)
        for tag in module.tags.root:
            apt_root(
                name = tag.name,
                lock = tag.lock,
                commands = tag.commands,
                arguments = tag.arguments,
                environment = tag.environment,
                exclude = tag.exclude,
                files = tag.files,
            )
    return mctx.extension_metadata(reproducible = True)

apt = module_extension(
    implementation = _apt_impl,
    doc = "Debian packages that a lock pins, as files or as programs that run in place.",
    tag_classes = {"debs": _debs, "root": _root},
)
