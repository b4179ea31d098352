"""An executable that runs one of the tools with fixed arguments, for tests and `bazel run`."""

load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")

def runfiles_path(file):
    """Returns the path of a file, relative to the runfiles directory of the main repository.

    Args:
      file: a File.

    Returns:
      a relative path, which starts with `../` if the file is in another repository.
    """
    return file.short_path

def _quote(text):
    return "'" + text.replace("'", "'\\''") + "'"

def tool_executable(ctx, *, tool, arguments, files, environment = {}, runfiles = []):
    """Writes a script that starts a tool and returns the DefaultInfo of an executable rule.

    Args:
      ctx: the rule's context; the rule must require TOOLS_TOOLCHAIN_TYPE.
      tool: the tool's name.
      arguments: list of string; paths in it are those of `runfiles_path`.
      files: list of File that the tool reads.
      environment: dict of variable to runfiles path, which the script makes absolute.
      runfiles: list of further runfiles that the tool reads or runs.

    Returns:
      DefaultInfo with the script and its runfiles.
    """
    tools = ctx.toolchains[TOOLS_TOOLCHAIN_TYPE].icos_tools
    bundle = tools.tools[tool]
    launcher = ctx.actions.declare_file(ctx.label.name + ".sh")
    exports = ["export %s=\"$PWD/\"%s" % (name, _quote(path)) for name, path in environment.items()]
    command = ["exec"] + [_quote(word) for word in [runfiles_path(tools.node), runfiles_path(bundle)] + arguments]
    ctx.actions.write(
        launcher,
        "\n".join([
            "#!/bin/sh",
            "set -eu",
            "cd \"${RUNFILES_DIR:-$0.runfiles}\"/" + _quote(ctx.workspace_name),
        ] + exports + [" ".join(command) + ' "$@"', ""]),
        is_executable = True,
    )
    return DefaultInfo(
        executable = launcher,
        runfiles = ctx.runfiles(files = files + [tools.node, bundle]).merge_all(runfiles),
    )
