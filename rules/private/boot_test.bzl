"""A test that boots an image, starting with the firmware."""

load("//rules/private:guest.bzl", "GUEST_ATTRS", "guest_executable")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")
load("//rules/private:tool_executable.bzl", "runfiles_path")

def _boot_test_impl(ctx):
    arguments = ["--ready=" + ctx.attr.ready_text, "--ready-limit=%d" % ctx.attr.ready_limit_seconds]
    if ctx.attr.console_login:
        arguments.append("--login=" + ctx.attr.console_login)
    arguments += ["--console-text=" + text for text in ctx.attr.console_texts]
    files = []
    if ctx.file.version_file:
        arguments.append("--version-file=" + runfiles_path(ctx.file.version_file))
        files.append(ctx.file.version_file)
    arguments += ["--page=%s=%s" % (address, text) for address, text in ctx.attr.pages.items()]
    return [guest_executable(ctx, tool = "boot-test", arguments = arguments, files = files)]

boot_test = rule(
    implementation = _boot_test_impl,
    test = True,
    doc = """Boots a disk in QEMU with OVMF firmware and checks the services of the system.

The test prints the time from the firmware to `ready_text`. ssh must answer. With `console_login`,
the system must be in the state `running`, without a failed unit and with a read-only root. The test
uses KVM if a probe shows that it works, and emulation otherwise.""",
    attrs = GUEST_ATTRS | {
        "ready_text": attr.string(
            mandatory = True,
            doc = "Regular expression: the text on the serial console that shows that the system is up.",
        ),
        "ready_limit_seconds": attr.int(
            default = 600,
            doc = "How long to wait for `ready_text`, in seconds.",
        ),
        "console_login": attr.string(
            doc = "`USER:PASSWORD` for the console. Without it, the console must not offer a login.",
        ),
        "console_texts": attr.string_list(
            doc = "Regular expressions: texts that must be on the console when `ready_text` appears.",
        ),
        "version_file": attr.label(
            allow_single_file = True,
            doc = "The file with the version, which the console must show.",
        ),
        "pages": attr.string_dict(
            doc = "Maps `PORT/PATH` of a page served over HTTP to a regular expression that it must match.",
        ),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
