"""Booting an image at the terminal."""

load("//rules/private:guest.bzl", "GUEST_ATTRS", "guest_executable")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")

def _launch_impl(ctx):
    return [guest_executable(
        ctx,
        tool = "launch",
        arguments = ["--forward=%s" % port for port in ctx.attr.forward],
    )]

launch = rule(
    implementation = _launch_impl,
    executable = True,
    doc = "`bazel run` boots the disk in QEMU: console on the terminal, ports forwarded. The disk is a copy.",
    attrs = dict(
        GUEST_ATTRS,
        forward = attr.string_list(doc = "Ports of the guest, `22` or `22:2222` with the host's port; without one, a free port is taken."),
    ),
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
