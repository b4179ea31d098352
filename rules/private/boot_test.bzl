"""A test that boots an image from its firmware on."""

load("//rules/private:guest.bzl", "GUEST_ATTRS", "guest_executable")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE")
load("//rules/private:tool_executable.bzl", "runfiles_path")

def _boot_test_impl(ctx):
    arguments = ["--ready=" + ctx.attr.ready, "--ready-limit=%d" % ctx.attr.ready_limit_seconds]
    if ctx.attr.login:
        arguments.append("--login=" + ctx.attr.login)
    arguments += ["--console-text=" + text for text in ctx.attr.console_texts]
    files = []
    if ctx.file.version:
        arguments.append("--version-file=" + runfiles_path(ctx.file.version))
        files.append(ctx.file.version)
    arguments += ["--page=%s=%s" % (address, text) for address, text in ctx.attr.pages.items()]
    return [guest_executable(ctx, tool = "boot-test", arguments = arguments, files = files)]

boot_test = rule(
    implementation = _boot_test_impl,
    test = True,
    doc = """Boots a disk in QEMU under OVMF, from the firmware on, and checks what it serves.

It prints the time from firmware to `ready`; ssh has to answer; with a `login`, the system has to be `running` without a
failed unit and with a read-only root. KVM is used where a probe shows that it works, else emulation.""",
    attrs = dict(
        GUEST_ATTRS,
        ready = attr.string(mandatory = True, doc = "Regular expression for the text on the serial console that says that the system is up."),
        ready_limit_seconds = attr.int(default = 600, doc = "How long to wait for `ready`, in seconds."),
        login = attr.string(doc = "`USER:PASSWORD` for the console. Without it, the console must not offer a login."),
        console_texts = attr.string_list(doc = "Regular expressions for texts that have to be on the console by then."),
        version = attr.label(allow_single_file = True, doc = "The version file; the console has to show what is in it."),
        pages = attr.string_dict(doc = "`PORT/PATH` of a page served over HTTP, to a regular expression for a text in it."),
    ),
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
