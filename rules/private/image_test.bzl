"""A test of the properties that every image must have."""

load("//rules/private:providers/archive_info.bzl", "ArchiveInfo")
load("//rules/private:real_tools.bzl", "real_tool_attrs", "real_tool_path", "real_tool_runfiles")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")
load("//rules/private:tool_executable.bzl", "runfiles_path", "tool_executable")

# Maps an environment variable of the test to the command that it names.
_REAL_TOOLS = {
    "DEBUGFS": "debugfs",
    "DUMP_EROFS": "dump.erofs",
    "E2FSCK": "e2fsck",
    "FSCK_EROFS": "fsck.erofs",
    "FSCK_VFAT": "fsck.vfat",
    "GZIP": "gzip",
    "MCOPY": "mcopy",
    "SGDISK": "sgdisk",
    "TAR": "tar",
    "VERITYSETUP": "veritysetup",
    "ZSTD": "zstd",
}

def _image_test_impl(ctx):
    disk = ctx.attr.disk[ArchiveInfo]
    files = [ctx.file.manifest, ctx.file.version_file, ctx.file.layout, disk.zst, disk.gz] + disk.checksums
    arguments = [
        "--manifest=" + runfiles_path(ctx.file.manifest),
        "--version-file=" + runfiles_path(ctx.file.version_file),
        "--layout=" + runfiles_path(ctx.file.layout),
        "--disk=" + runfiles_path(disk.zst),
        "--disk=" + runfiles_path(disk.gz),
        "--login=" + ctx.attr.password_logins,
        "--root-partition=" + ctx.attr.root_partition,
        "--boot-partition=" + ctx.attr.boot_partition,
    ]
    for name, partition in disk.partitions.items():
        arguments.append("--partition=%s=%s" % (name, runfiles_path(partition.index)))
        files.append(partition.index)
    if ctx.attr.upgrade:
        upgrade = ctx.attr.upgrade[ArchiveInfo]
        arguments += ["--upgrade=" + runfiles_path(upgrade.zst), "--upgrade=" + runfiles_path(upgrade.gz)]
        files += [upgrade.zst, upgrade.gz] + upgrade.checksums
    arguments += ["--set-uid=" + path for path in ctx.attr.set_uid_files]
    for file in ctx.files.check_paths_in:
        arguments.append("--component-file=" + runfiles_path(file))
        files.append(file)
    return [tool_executable(
        ctx,
        tool = "image-test",
        arguments = arguments,
        files = files,
        environment = {
            variable: real_tool_path(ctx, command)
            for variable, command in _REAL_TOOLS.items()
        },
        runfiles = real_tool_runfiles(ctx, _REAL_TOOLS.values()),
    )]

image_test = rule(
    implementation = _image_test_impl,
    test = True,
    doc = """Checks the properties that every image must have.

The checks use the real tools: e2fsck, debugfs, fsck.erofs, dump.erofs, fsck.vfat, mtools, sgdisk,
veritysetup, GNU tar.

- File systems are clean. They contain what the manifest lists, and nothing else.
- Only the listed files are set-uid or set-gid.
- The image contains no ssh host key, machine-id or private key.
- Only the permitted users can log in with a password.
- The version is the same everywhere.
- The hash tree verifies.
- The upgrade contains the same partitions as the disk.
- Every `/opt/ic/...` path that a component mentions exists.""",
    attrs = real_tool_attrs(_REAL_TOOLS.values()) | {
        "disk": attr.label(providers = [ArchiveInfo], mandatory = True, doc = "The `disk_image`."),
        "upgrade": attr.label(
            providers = [ArchiveInfo],
            doc = "The `upgrade_image`, if the operating system has one.",
        ),
        "layout": attr.label(
            allow_single_file = [".csv"],
            mandatory = True,
            doc = "The disk's `partitions.csv`.",
        ),
        "manifest": attr.label(allow_single_file = True, mandatory = True, doc = "The `image.json`."),
        "version_file": attr.label(
            allow_single_file = True,
            mandatory = True,
            doc = "The file with the version.",
        ),
        "password_logins": attr.string(
            values = ["none", "root"],
            default = "none",
            doc = "Who can log in with a password: nobody (`none`), or root only (`root`).",
        ),
        "root_partition": attr.string(mandatory = True, doc = "Name of the root partition in the layout."),
        "boot_partition": attr.string(
            mandatory = True,
            doc = "Name of the partition with kernel and boot arguments in the layout.",
        ),
        "set_uid_files": attr.string_list(
            doc = "Absolute paths of the files that may be set-uid or set-gid.",
        ),
        "check_paths_in": attr.label_list(
            allow_files = True,
            doc = "Files to search for `/opt/ic/...` paths, each of which must exist in the image.",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
