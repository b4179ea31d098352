"""Starting an image in QEMU: what `boot_test` and `launch` share."""

load("//rules/private:apt_root_info.bzl", "AptRootInfo")
load("//rules/private:tool_executable.bzl", "runfiles_path", "tool_executable")
load("//rules/private/providers:archive_info.bzl", "ArchiveInfo")

GUEST_ATTRS = {
    "disk": attr.label(providers = [ArchiveInfo], mandatory = True, doc = "The `disk_image` to boot."),
    "memory_mib": attr.int(default = 2048, doc = "Memory of the guest, in MiB."),
    "_host_tools": attr.label(default = "@host_tools//:root", providers = [AptRootInfo]),
}

_FIRMWARE_CODE = "root/usr/share/OVMF/OVMF_CODE_4M.fd"
_FIRMWARE_VARIABLES = "root/usr/share/OVMF/OVMF_VARS_4M.fd"

def guest_executable(ctx, *, tool, arguments):
    """Makes the executable of a rule that starts a guest.

    Args:
      ctx: the context of a rule with GUEST_ATTRS.
      tool: `boot-test` or `launch`.
      arguments: list of string, the tool's own.

    Returns:
      DefaultInfo.
    """
    disk = ctx.attr.disk[ArchiveInfo].zst
    host_tools = ctx.attr._host_tools[AptRootInfo]
    return tool_executable(
        ctx,
        tool = tool,
        arguments = [
            "--disk=" + runfiles_path(disk),
            "--qemu=" + host_tools.runfiles_path + "/bin/qemu-system-x86_64",
            "--tar=" + host_tools.runfiles_path + "/bin/tar",
            "--zstd=" + host_tools.runfiles_path + "/bin/zstd",
            "--firmware-code=%s/%s" % (host_tools.runfiles_path, _FIRMWARE_CODE),
            "--firmware-variables=%s/%s" % (host_tools.runfiles_path, _FIRMWARE_VARIABLES),
            "--memory=%d" % ctx.attr.memory_mib,
        ] + arguments,
        files = [disk],
        transitive_files = [host_tools.files],
    )
