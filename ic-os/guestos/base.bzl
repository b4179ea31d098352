"""The base of GuestOS: the root file system without components, from packages to the Dockerfile.

Each step is a target that adds a layer to the one before it:

| target | built from | content |
|---|---|---|
| `@guestos_debs//:SET` | `packages/*.packages`, pinned by `//ic-os/locks:guestos.lock.json` | the .debs of one set |
| `packages_VARIANT` | the set | the packages, unpacked and configured |
| `slim_VARIANT` | `context/Dockerfile.slim` (`FROM packages`) | the packages without unnecessary files |
| `base_VARIANT` | `context/Dockerfile` (`FROM slim`) | the base, to which `icos_image` adds components |

`image.json` contains the names of these targets.
"""

load("//rules:defs.bzl", "apt_base", "dockerfile", "initramfs", "install")

# The programs that ic-os/bootloader/initramfs/init uses.
_INITRAMFS_BINARIES = [
    "/usr/bin/busybox",
    "/usr/sbin/findfs",
    "/usr/sbin/veritysetup",
]

# Disks (virtio, virtio SCSI, SATA), dm-verity, EROFS, and SHA-256 with processor instructions.
# NVMe, the virtio bus and ext4 are built into the kernel.
_INITRAMFS_MODULES = [
    "virtio_blk",
    "virtio_scsi",
    "ahci",
    "sd_mod",
    "dm-verity",
    "erofs",
    "sha256-ssse3",
]

# Files that a machine does not need. They are a fifth of the size. Licences are kept (_INCLUDE).
_EXCLUDE = [
    "/usr/share/bash-completion/*",
    "/usr/share/bug/*",
    "/usr/share/doc-base/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/zsh/*",
]

_INCLUDE = ["/usr/share/doc/*/copyright"]

def guestos_base(name, package_set, build_args):
    """Defines `packages_NAME`, `slim_NAME`, `base_NAME` and `initrd_NAME`.

    Args:
      name: the name of the variant.
      package_set: the set of `//ic-os/locks:guestos.lock.json` that the variant installs. `dev`
        includes `common`.
      build_args: values for the ARG instructions of `context/Dockerfile`.
    """
    apt_base(
        name = "packages_" + name,
        debs = ["@guestos_debs//:" + package_set],
        exclude = _EXCLUDE,
        include = _INCLUDE,
    )
    dockerfile(
        name = "slim_" + name,
        base_name = "packages",
        bases = {":packages_" + name: "packages"},
        dockerfile = "context/Dockerfile.slim",
    )
    dockerfile(
        name = "base_" + name,
        base_name = "slim",
        bases = {":slim_" + name: "slim"},
        build_args = build_args,
        context = [":context"],
        context_root = "ic-os/guestos/context",
        dockerfile = "context/Dockerfile",
    )
    initramfs(
        name = "initrd_" + name,
        src = ":slim_" + name,
        binaries = _INITRAMFS_BINARIES,
        files = {"//ic-os/bootloader:initramfs/init": install("/init", mode = "0755")},
        modules = _INITRAMFS_MODULES,
    )
