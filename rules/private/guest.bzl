"""The parts that `boot_test` and `launch` share: starting an image in QEMU."""

load("//rules/private:providers/archive_info.bzl", "ArchiveInfo")
load("//rules/private:real_tools.bzl", "real_tool_attrs", "real_tool_path", "real_tool_runfiles")
load("//rules/private:tool_executable.bzl", "runfiles_path", "tool_executable")

_COMMANDS = ["qemu-system-x86_64", "tar", "zstd"]

GUEST_ATTRS = dict(
    real_tool_attrs(_COMMANDS),
    disk = attr.label(providers = [ArchiveInfo], mandatory = True, doc = "The `disk_image` to boot."),
    memory_mib = attr.int(default = 2048, doc = "Memory of the guest, in MiB."),
    _firmware_code = attr.label(
        default = "@host_tools//:root/usr/share/OVMF/OVMF_CODE_4M.fd",
        allow_single_file = True,
    ),
    _firmware_variables = attr.label(
        default = "@host_tools//:root/usr/share/OVMF/OVMF_VARS_4M.fd",
        allow_single_file = True,
    ),
)

def guest_executable(ctx, *, tool, arguments, files = []):
    """Returns the executable of a rule that starts a guest.

    Args:
      ctx: the context of a rule with GUEST_ATTRS.
      tool: `boot-test` or `launch`.
      arguments: list of string: the options of this tool.
      files: list of File that `arguments` names.

    Returns:
      DefaultInfo.
    """
    disk = ctx.attr.disk[ArchiveInfo].zst
    firmware = [ctx.file._firmware_code, ctx.file._firmware_variables]
    return tool_executable(
        ctx,
        tool = tool,
        arguments = [
            "--disk=" + runfiles_path(disk),
            "--qemu=" + real_tool_path(ctx, "qemu-system-x86_64"),
            "--tar=" + real_tool_path(ctx, "tar"),
            "--zstd=" + real_tool_path(ctx, "zstd"),
            "--firmware-code=" + runfiles_path(firmware[0]),
            "--firmware-variables=" + runfiles_path(firmware[1]),
            "--memory=%d" % ctx.attr.memory_mib,
        ] + arguments,
        files = [disk] + firmware + files,
        runfiles = real_tool_runfiles(ctx, _COMMANDS),
    )
