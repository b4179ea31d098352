"A target that runs a tool with `bazel run`, with the caller's arguments and paths."

load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")  # buildifier: disable=bzl-visibility
load("//rules/private:tool_executable.bzl", "tool_executable")  # buildifier: disable=bzl-visibility

def _run_tool_impl(ctx):
    return [tool_executable(ctx, tool = ctx.attr.tool, arguments = [], files = [])]

run_tool = rule(
    implementation = _run_tool_impl,
    executable = True,
    doc = "Runs a tool; paths are relative to the directory in which `bazel run` was called.",
    attrs = {"tool": attr.string(doc = "The tool's directory under tools/.", mandatory = True)},
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
