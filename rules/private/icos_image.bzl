"""The macros that make an operating system out of the rules."""

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

# What the root file system can be: both under dm-verity, both mounted by the initial RAM file system.
_ROOT_FILE_SYSTEMS = {
    "erofs": erofs_partition,
    "ext4": ext4_partition,
}

def icos_image(
        name,
        *,
        os,
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
        login = "none",
        console_login = "",
        ready = "",
        console_texts = [],
        pages = {},
        forward = ["22"],
        set_uid = [],
        component_files = [],
        memory_mib = 2048,
        visibility = ["//visibility:public"]):
    """One bootable, upgradable image: read-only verity root, boot partition, disk, upgrade, manifest and tests.

    Targets, in the package that calls it:

    - `disk-img`: `disk-img.tar.zst`, `disk-img.tar.gz`, `.sha256` files
    - `update-img`: `update-img.tar.zst`, `update-img.tar.gz`, `.sha256` files
    - `version.txt`, `image.json`
    - `image_test`, `boot_test`
    - `launch`: boots the disk at the terminal
    - `root_tree`, `root`, `boot_args`, `boot_tree`, `boot`: what they are made of

    Args:
      name: name of the variant; also a filegroup of all that leaves the build.
      os: name of the operating system.
      base: the root file system without components: anything with layers.
      initrd: the initial RAM file system.
      layout: `partitions.csv`.
      partitions: dict of partition name to packed partition, for all but root and boot.
      version: a `string_flag`.
      boot_args_template: template of the kernel command lines, see `boot_args`.
      root_size: size of the root file system; the hash tree comes behind it.
      boot_size: size of the boot file system.
      components: dict of label to `install(...)`: files on top of `base`.
      directories: dict of absolute path to mode: directories on top of `base`.
      symlinks: dict of absolute path to target: symbolic links on top of `base`.
      root_exclude: paths of the tree that the root partition does not get; `/boot/*` goes without saying.
      root_file_system: `ext4`, or `erofs`, which has no free space and no place for any.
      root_partition: which partition of the layout is the root.
      boot_partition: which partition of the layout holds kernel, initial RAM file system and boot arguments.
      disk_guid: the disk's GUID.
      expanded_size: size of the disk, with room for what the machine makes itself.
      login: `none` or `root`: who may log in with a password (checked).
      console_login: `USER:PASSWORD` for the boot test, where the console has a login.
      ready: regular expression for the console's text that says that the system is up.
      console_texts: regular expressions for texts that have to be on the console by then.
      pages: dict of `PORT/PATH` to regular expression: what the boot test fetches.
      forward: ports of the guest that `launch` forwards.
      set_uid: files that may be set-uid or set-gid.
      component_files: files whose `/opt/ic/...` paths have to exist.
      memory_mib: memory of the guest in tests and `launch`, in MiB.
      visibility: of the targets.
    """
    if root_file_system not in _ROOT_FILE_SYSTEMS:
        fail("%s: root_file_system is %r; there are %s" % (name, root_file_system, ", ".join(_ROOT_FILE_SYSTEMS)))

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
        version = ":version.txt",
        visibility = visibility,
    )
    image_manifest(
        name = "image.json",
        disk = ":disk-img",
        os = os,
        out = "image.json",
        upgrade = ":update-img",
        variant = name,
        version = ":version.txt",
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
        component_files = component_files,
        disk = ":disk-img",
        layout = layout,
        login = login,
        manifest = ":image.json",
        root_partition = root_partition,
        set_uid = set_uid,
        upgrade = ":update-img",
        version = ":version.txt",
    )
    if ready:
        boot_test(
            name = "boot_test",
            size = "large",
            console_texts = console_texts,
            disk = ":disk-img",
            login = console_login,
            memory_mib = memory_mib,
            pages = pages,
            ready = ready,
            tags = ["cpu:2"],
            version = ":version.txt",
        )
    launch(
        name = "launch",
        disk = ":disk-img",
        forward = forward,
        memory_mib = memory_mib,
        visibility = visibility,
    )

def icos_os(name, variants, **common):
    """An operating system as data: what its variants share, and what each has of its own.

    Args:
      name: name of the operating system.
      variants: dict of variant name to dict of arguments for `icos_image`.
      **common: arguments for `icos_image` that all variants share.

    Returns:
      a struct for `icos_variant`.
    """
    return struct(name = name, variants = variants, common = common)

def icos_variant(name, os, **overrides):
    """One variant of an operating system: the whole of a leaf package `ic-os/OS/envs/VARIANT`.

    Args:
      name: name of the variant, one that the operating system has.
      os: the operating system, made by `icos_os`.
      **overrides: arguments for `icos_image` that this leaf alone sets.
    """
    if name not in os.variants:
        fail("%s has no variant %r; it has %s" % (os.name, name, ", ".join(sorted(os.variants))))
    arguments = dict(os.common)
    for extra in [os.variants[name], overrides]:
        for key, value in extra.items():
            # Dictionaries add up, everything else is replaced.
            arguments[key] = dict(arguments[key], **value) if type(value) == "dict" and key in arguments else value
    icos_image(name = name, os = os.name, **arguments)
