"`bazel run` of a tool as people use it: arguments and paths are the caller's."

load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")  # buildifier: disable=bzl-visibility
load("//rules/private:tool_executable.bzl", "tool_executable")  # buildifier: disable=bzl-visibility

def _run_tool_impl(ctx):
    return [tool_executable(ctx, tool = ctx.attr.tool, arguments = [], files = [])]

run_tool = rule(
    implementation = _run_tool_impl,
    executable = True,
    doc = "A command of one of the tools; its paths are relative to where `bazel run` was called.",
    attrs = {"tool": attr.string(doc = "The tool's folder under tools/.", mandatory = True)},
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
