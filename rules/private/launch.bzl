"""A command that boots an image in the terminal."""

load("//rules/private:guest.bzl", "GUEST_ATTRS", "guest_executable")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")

def _launch_impl(ctx):
    return [guest_executable(
        ctx,
        tool = "launch",
        arguments = ["--forward=%s" % port for port in ctx.attr.forward_ports],
    )]

launch = rule(
    implementation = _launch_impl,
    executable = True,
    doc = "`bazel run` boots a copy of the disk in QEMU, with its console on the terminal.",
    attrs = GUEST_ATTRS | {
        "forward_ports": attr.string_list(
            doc = """Ports of the guest to forward: `22:2222` with the host's port, or `22` with a
            free port of the host.""",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
