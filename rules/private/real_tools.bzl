"""The real tools (e2fsck, QEMU, GNU tar and so on) from locked packages, for tests and `launch`."""

_PREFIX = "_real_tool_"

def _attribute(command):
    return _PREFIX + command.replace(".", "_").replace("-", "_")

def real_tool_attrs(commands):
    """Returns private attributes with which a rule depends on tools.

    Args:
      commands: list of string: names of commands in `@host_tools`.

    Returns:
      dict of attributes.
    """
    return {
        _attribute(command): attr.label(default = "@host_tools//:" + command, executable = True, cfg = "target")
        for command in commands
    }

def real_tool_path(ctx, command):
    """Returns the runfiles path of a tool.

    Args:
      ctx: the context of a rule with the tool's attribute.
      command: the command's name.

    Returns:
      string, relative to the runfiles directory of the main repository.
    """
    return getattr(ctx.attr, _attribute(command))[DefaultInfo].files_to_run.executable.short_path

def real_tool_runfiles(ctx, commands):
    """Returns all files that tools need at run time.

    Args:
      ctx: the context of a rule with the tools' attributes.
      commands: list of string: the commands' names.

    Returns:
      list of runfiles.
    """
    return [getattr(ctx.attr, _attribute(command))[DefaultInfo].default_runfiles for command in commands]
