"""Making package locks anew."""

load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")
load("//rules/private:tool_executable.bzl", "tool_executable")

def _apt_update_lock_impl(ctx):
    return [tool_executable(
        ctx,
        tool = "update-lock",
        arguments = ["--directory=" + ctx.label.package],
        files = [],
    )]

apt_update_lock = rule(
    implementation = _apt_update_lock_impl,
    executable = True,
    doc = """`bazel run` finds the newest versions of packages and writes the locks anew, into the source tree.

What the locks of the package are to hold is in its `locks.json`. Arguments are the names of the locks to make; without one, all.""",
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
