"""The field's own tools (e2fsck, QEMU, GNU tar and so on), from locked packages, for tests and `launch`."""

_PREFIX = "_real_tool_"

def _attribute(command):
    return _PREFIX + command.replace(".", "_").replace("-", "_")

def real_tool_attrs(commands):
    """Makes the private attributes by which a rule gets tools.

    Args:
      commands: list of string, names of commands of `@host_tools`.

    Returns:
      dict of attributes.
    """
    return {
        _attribute(command): attr.label(default = "@host_tools//:" + command, executable = True, cfg = "target")
        for command in commands
    }

def real_tool_path(ctx, command):
    """Gives the runfiles path of a tool.

    Args:
      ctx: the context of a rule with the attribute.
      command: the command's name.

    Returns:
      string, relative to the runfiles folder of the main repository.
    """
    return getattr(ctx.attr, _attribute(command))[DefaultInfo].files_to_run.executable.short_path

def real_tool_runfiles(ctx, commands):
    """Gives everything that tools need to run.

    Args:
      ctx: the context of a rule with the attributes.
      commands: list of string, the commands' names.

    Returns:
      list of runfiles.
    """
    return [getattr(ctx.attr, _attribute(command))[DefaultInfo].default_runfiles for command in commands]
