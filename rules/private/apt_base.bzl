"""A root file system built from locked Debian packages."""

load("//rules/private:providers/layers_info.bzl", "LayersInfo")
load("//rules/private:step_runner.bzl", "STEP_RUNNER_ATTRS", "step_runner_action")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")

def _apt_base_impl(ctx):
    name = ctx.label.name
    unpacked = ctx.actions.declare_file(name + ".unpacked.layer.tar.zst")
    steps = ctx.actions.declare_file(name + ".configure.steps.json")
    packages = ctx.actions.declare_file(name + ".packages.json")
    args = ctx.actions.args()
    args.add_all(ctx.files.debs, format_each = "--deb=%s")
    args.add_all(ctx.attr.exclude, format_each = "--exclude=%s")
    args.add_all(ctx.attr.include, format_each = "--include=%s")
    args.add(unpacked, format = "--output=%s")
    args.add(steps, format = "--steps=%s")
    args.add(packages, format = "--packages=%s")
    tool_action(
        ctx,
        tool = "apt-base",
        arguments = [args],
        inputs = ctx.files.debs,
        outputs = [unpacked, steps, packages],
        mnemonic = "IcosAptUnpack",
        progress_message = "Unpacking the packages of %{label}",
    )
    configured = ctx.actions.declare_file(name + ".configured.layer.tar.zst")
    step_runner_action(
        ctx,
        layers = [unpacked],
        steps = steps,
        output = configured,
        mnemonic = "IcosAptConfigure",
        progress_message = "Configuring the packages of %{label}",
    )
    return [
        DefaultInfo(files = depset([unpacked, configured])),
        LayersInfo(
            layers = [unpacked, configured],
            config = None,
            packages = depset([packages]),
            components = depset(),
        ),
    ]

apt_base = rule(
    implementation = _apt_base_impl,
    doc = """Unpacks locked Debian packages into one layer and configures them in a second one.

The packages' own scripts run in the step runner, without network, in the order that dpkg uses.""",
    attrs = dict(
        STEP_RUNNER_ATTRS,
        debs = attr.label_list(
            allow_files = [".deb"],
            mandatory = True,
            doc = """The packages: a `filegroup` of a repository of `apt.debs`. The set must be
            closed under Depends and Pre-Depends.""",
        ),
        exclude = attr.string_list(
            doc = """Paths to leave out, in the syntax of dpkg's path-exclude: absolute, and `*`
            matches any text.""",
        ),
        include = attr.string_list(
            doc = "Paths to unpack although `exclude` matches them, in the same syntax.",
        ),
    ),
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
