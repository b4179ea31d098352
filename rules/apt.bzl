"""The module extension for locked Debian packages.

```starlark
apt = use_extension("@icos//rules:apt.bzl", "apt")
apt.debs(name = "guestos_debs", lock = "//ic-os/locks:guestos.lock.json")
apt.root(name = "host_tools", lock = "//ic-os/locks:host-tools.lock.json", commands = ["usr/bin/mtype"])
use_repo(apt, "guestos_debs", "host_tools")
```

A lock does not name mirrors. They are read from `--repo_env=ICOS_APT_MIRRORS` (base addresses
separated by spaces or commas) or, without this option, from the host's apt configuration. They are
tried in order.
"""

load("//rules/private:apt_debs.bzl", "apt_debs")
load("//rules/private:apt_lock.bzl", "LOCK_ATTRS")
load("//rules/private:apt_root.bzl", "APT_ROOT_ATTRS", "apt_root")
load("//rules/private:apt_update_lock.bzl", _apt_update_lock = "apt_update_lock")

apt_update_lock = _apt_update_lock

_NAME = {"name": attr.string(mandatory = True, doc = "The repository's name.")}

_debs = tag_class(
    doc = "A repository of .deb files with one `filegroup` per set of the lock, and one per package.",
    attrs = _NAME | LOCK_ATTRS,
)

_root = tag_class(
    doc = """A repository of unpacked packages.

    `:root` has all files. Each command is an executable target that runs in place.""",
    attrs = _NAME | APT_ROOT_ATTRS,
)

def _apt_impl(mctx):
    for module in mctx.modules:
        for tag in module.tags.debs:
            apt_debs(name = tag.name, lock = tag.lock)
        for tag in module.tags.root:
            apt_root(
                name = tag.name,
                **{attribute: getattr(tag, attribute) for attribute in APT_ROOT_ATTRS}
            )
    return mctx.extension_metadata(reproducible = True)

apt = module_extension(
    implementation = _apt_impl,
    doc = "Locked Debian packages, as files or as programs that run in place.",
    tag_classes = {"debs": _debs, "root": _root},
)
