"""The public rules and macros of ICOS image rules."""

load("//rules/private:apt_base.bzl", _apt_base = "apt_base")
load("//rules/private:boot_args.bzl", _boot_args = "boot_args")
load("//rules/private:boot_test.bzl", _boot_test = "boot_test")
load("//rules/private:disk_image.bzl", _disk_image = "disk_image")
load("//rules/private:dockerfile.bzl", _dockerfile = "dockerfile")
load("//rules/private:erofs_partition.bzl", _erofs_partition = "erofs_partition")
load("//rules/private:ext4_partition.bzl", _ext4_partition = "ext4_partition")
load("//rules/private:icos_image.bzl", _icos_image = "icos_image", _icos_os = "icos_os", _icos_variant = "icos_variant")
load("//rules/private:image_manifest.bzl", _image_manifest = "image_manifest")
load("//rules/private:image_test.bzl", _image_test = "image_test")
load("//rules/private:initramfs.bzl", _initramfs = "initramfs")
load("//rules/private:install.bzl", _install = "install")
load("//rules/private:launch.bzl", _launch = "launch")
load("//rules/private:lvm_partition.bzl", _logical_volume = "logical_volume", _lvm_partition = "lvm_partition")
load("//rules/private:oci_base.bzl", _oci_base = "oci_base")
load("//rules/private:placeholder.bzl", _placeholder = "placeholder")
load("//rules/private:raw_partition.bzl", _raw_partition = "raw_partition")
load("//rules/private:rootfs.bzl", _rootfs = "rootfs")
load("//rules/private:upgrade_image.bzl", _upgrade_image = "upgrade_image")
load("//rules/private:version.bzl", _version_file = "version_file")
load("//rules/private:vfat_partition.bzl", _vfat_partition = "vfat_partition")

# Macros
icos_image = _icos_image
icos_os = _icos_os
icos_variant = _icos_variant
install = _install
logical_volume = _logical_volume

# Root file systems
apt_base = _apt_base
dockerfile = _dockerfile
initramfs = _initramfs
oci_base = _oci_base
placeholder = _placeholder
rootfs = _rootfs

# Partitions
boot_args = _boot_args
erofs_partition = _erofs_partition
ext4_partition = _ext4_partition
lvm_partition = _lvm_partition
raw_partition = _raw_partition
vfat_partition = _vfat_partition

# Images
disk_image = _disk_image
image_manifest = _image_manifest
upgrade_image = _upgrade_image
version_file = _version_file

# Tests and tools
boot_test = _boot_test
image_test = _image_test
launch = _launch
