"""A command that updates package locks."""

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
    doc = """`bazel run` finds the newest versions of the packages and rewrites the locks.

The locks are in the source tree. `locks.json` in the target's package says what each lock contains.
The arguments are the names of the locks to update; without arguments, all locks are updated.""",
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
