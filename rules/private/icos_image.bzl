"""The macros that define an operating system with the rules."""

load("//rules/private:boot_args.bzl", "boot_args")
load("//rules/private:boot_test.bzl", "boot_test")
load("//rules/private:disk_image.bzl", "disk_image")
load("//rules/private:erofs_partition.bzl", "erofs_partition")
load("//rules/private:ext4_partition.bzl", "ext4_partition")
load("//rules/private:image_manifest.bzl", "image_manifest")
load("//rules/private:image_test.bzl", "image_test")
load("//rules/private:install.bzl", "install")
load("//rules/private:launch.bzl", "launch")
load("//rules/private:rootfs.bzl", "rootfs")
load("//rules/private:upgrade_image.bzl", "upgrade_image")
load("//rules/private:version.bzl", "version_file")

# The rules of the root partition by file system. The initramfs can mount each of them with
# dm-verity.
_ROOT_FILE_SYSTEMS = {
    "erofs": erofs_partition,
    "ext4": ext4_partition,
}

def icos_image(
        name,
        *,
        os_name,
        base,
        initrd,
        layout,
        partitions,
        version,
        boot_args_template,
        root_size,
        boot_size,
        components = {},
        directories = {},
        symlinks = {},
        root_exclude = [],
        root_file_system = "ext4",
        root_partition = "A_root",
        boot_partition = "A_boot",
        disk_guid = "",
        expanded_size = "",
        password_logins = "none",
        console_login = "",
        ready_text = "",
        console_texts = [],
        pages = {},
        forward_ports = ["22"],
        set_uid_files = [],
        check_paths_in = [],
        memory_mib = 2048,
        visibility = ["//visibility:public"]):
    """Defines a bootable, upgradable image with a read-only root under dm-verity, and its tests.

    The targets, in the package that calls it:

    - `disk-img`: `disk-img.tar.zst`, `disk-img.tar.gz`, `.sha256` files
    - `update-img`: `update-img.tar.zst`, `update-img.tar.gz`, `.sha256` files
    - `version.txt`, `image.json`
    - `image_test`, `boot_test`
    - `launch`: boots the disk in the terminal
    - `root_tree`, `root`, `boot_args`, `boot_tree`, `boot`: the parts of the disk

    Args:
      name: name of the variant, and of a filegroup with `disk-img`, `update-img`, `version.txt` and
        `image.json`.
      os_name: name of the operating system.
      base: the root file system without components: a `dockerfile` or any other target with
        layers.
      initrd: the initial RAM file system: `initrd.img` in the boot partition.
      layout: `partitions.csv`.
      partitions: dict of partition name to packed partition, for all partitions except root and
        boot.
      version: a `string_flag`.
      boot_args_template: template of the kernel command lines, see `boot_args`.
      root_size: size of the root file system, without the hash tree that follows it.
      boot_size: size of the boot file system.
      components: dict of label to `install(...)`: files that are added to `base`.
      directories: dict of absolute path to mode: directories that are added to `base`.
      symlinks: dict of absolute path to target: symbolic links that are added to `base`.
      root_exclude: paths that the root partition leaves out, in addition to `/boot/*`.
      root_file_system: `ext4` or `erofs`. An EROFS file system has no free space.
      root_partition: name of the root partition in the layout.
      boot_partition: name of the partition with kernel, initial RAM file system and boot arguments
        in the layout.
      disk_guid: the disk's GUID.
      expanded_size: size of the whole disk, including space for partitions that the machine
        creates.
      password_logins: `none` or `root`: who can log in with a password. `image_test` checks it.
      console_login: `USER:PASSWORD` for `boot_test`, if the console has a login.
      ready_text: regular expression for the console text that shows that the system is up.
        Without it, `boot_test` is not defined.
      console_texts: regular expressions: texts that must be on the console when `ready_text`
        appears.
      pages: dict of `PORT/PATH` to regular expression: the pages that `boot_test` fetches.
      forward_ports: ports of the guest that `launch` forwards.
      set_uid_files: absolute paths of the files that may be set-uid or set-gid.
      check_paths_in: files to search for `/opt/ic/...` paths, each of which must exist in the
        image.
      memory_mib: memory of the guest in `boot_test` and `launch`, in MiB.
      visibility: visibility of the targets.
    """
    if root_file_system not in _ROOT_FILE_SYSTEMS:
        supported = ", ".join(_ROOT_FILE_SYSTEMS)
        fail("%s: root_file_system is %r; supported are %s" % (name, root_file_system, supported))

    version_file(name = "version.txt", version = version, visibility = visibility)

    rootfs(
        name = "root_tree",
        base = base,
        directories = directories,
        files = dict(components, **{":version.txt": install("/opt/ic/share/version.txt")}),
        symlinks = symlinks,
        visibility = visibility,
    )
    _ROOT_FILE_SYSTEMS[root_file_system](
        name = "root",
        src = ":root_tree",
        exclude = ["/boot/*"] + root_exclude,
        label = "root",
        file_system_size = root_size,
        verity = True,
        visibility = visibility,
    )
    boot_args(
        name = "boot_args",
        root = ":root",
        template = boot_args_template,
        visibility = visibility,
    )
    rootfs(
        name = "boot_tree",
        base = base,
        files = {
            ":boot_args": install("/boot/boot_args"),
            ":version.txt": install("/boot/version.txt"),
            initrd: install("/boot/initrd.img"),
        },
        visibility = visibility,
    )
    ext4_partition(
        name = "boot",
        src = ":boot_tree",
        label = "boot",
        file_system_size = boot_size,
        subtree = "/boot",
        visibility = visibility,
    )
    disk_image(
        name = "disk-img",
        disk_guid = disk_guid,
        expanded_size = expanded_size,
        layout = layout,
        partitions = dict(partitions, **{boot_partition: ":boot", root_partition: ":root"}),
        visibility = visibility,
    )
    upgrade_image(
        name = "update-img",
        boot = ":boot",
        root = ":root",
        version_file = ":version.txt",
        visibility = visibility,
    )
    image_manifest(
        name = "image.json",
        disk = ":disk-img",
        os_name = os_name,
        out = "image.json",
        upgrade = ":update-img",
        variant = name,
        version_file = ":version.txt",
        visibility = visibility,
    )
    native.filegroup(
        name = name,
        srcs = [":disk-img", ":update-img", ":version.txt", ":image.json"],
        visibility = visibility,
    )

    image_test(
        name = "image_test",
        size = "large",
        boot_partition = boot_partition,
        check_paths_in = check_paths_in,
        disk = ":disk-img",
        layout = layout,
        manifest = ":image.json",
        password_logins = password_logins,
        root_partition = root_partition,
        set_uid_files = set_uid_files,
        upgrade = ":update-img",
        version_file = ":version.txt",
    )
    if ready_text:
        boot_test(
            name = "boot_test",
            size = "large",
            console_login = console_login,
            console_texts = console_texts,
            disk = ":disk-img",
            memory_mib = memory_mib,
            pages = pages,
            ready_text = ready_text,
            tags = ["cpu:2"],
            version_file = ":version.txt",
        )
    launch(
        name = "launch",
        disk = ":disk-img",
        forward_ports = forward_ports,
        memory_mib = memory_mib,
        visibility = visibility,
    )

def icos_os(name, variants, **common):
    """Describes an operating system: the common arguments of its variants, and those of each.

    Args:
      name: name of the operating system.
      variants: dict of variant name to dict of arguments for `icos_image`.
      **common: arguments for `icos_image` that are the same in all variants.

    Returns:
      a struct for `icos_variant`.
    """
    return struct(name = name, variants = variants, common = common)

def icos_variant(name, os, **overrides):
    """Defines the image of one variant of an operating system.

    It is meant to be the only call in a leaf package `ic-os/OS/envs/VARIANT`.

    Args:
      name: name of a variant of the operating system.
      os: the operating system: the struct of `icos_os`.
      **overrides: arguments for `icos_image` that replace or extend those of the variant.
    """
    if name not in os.variants:
        fail("%s has no variant %r; its variants are %s" % (os.name, name, ", ".join(sorted(os.variants))))
    arguments = dict(os.common)
    for extra in [os.variants[name], overrides]:
        for key, value in extra.items():
            # Dictionaries are merged; other values are replaced.
            is_merged = type(value) == "dict" and key in arguments
            arguments[key] = dict(arguments[key], **value) if is_merged else value
    icos_image(name = name, os_name = os.name, **arguments)
