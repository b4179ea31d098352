"""GuestOS before its components: packages, then Dockerfile.base, then Dockerfile."""

load("//rules:defs.bzl", "apt_base", "dockerfile", "initramfs", "install")

# ic-os/bootloader/initramfs/init says what each is for.
_INITRAMFS_BINARIES = [
    "/usr/bin/busybox",
    "/usr/sbin/findfs",
    "/usr/sbin/veritysetup",
]

# Disks (virtio, virtio SCSI, SATA), the verified root of either file system, and SHA-256 with the processor's help. NVMe, the
# virtio bus and ext4 are built into the kernel.
_INITRAMFS_MODULES = [
    "virtio_blk",
    "virtio_scsi",
    "ahci",
    "sd_mod",
    "dm-verity",
    "erofs",
    "sha256-ssse3",
]

# What a machine does not need: a fifth of the size. Licences stay.
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

def guestos_base(name, package_sets, build_args):
    """Makes `base_NAME`, a GuestOS without components, and `initrd_NAME`.

    Args:
      name: the variant.
      package_sets: which package lists of `context/` it has: `common`, `dev`.
      build_args: arguments of `context/Dockerfile`.
    """
    apt_base(
        name = "packages_" + name,
        debs = ["@guestos_debs//:" + package_set for package_set in package_sets],
        exclude = _EXCLUDE,
        include = _INCLUDE,
    )
    dockerfile(
        name = "slim_" + name,
        bases = {":packages_" + name: "base"},
        dockerfile = "context/Dockerfile.base",
    )
    dockerfile(
        name = "base_" + name,
        bases = {":slim_" + name: "base"},
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
