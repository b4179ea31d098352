"""A Dockerfile that runs on top of a root file system."""

load("//rules/private:providers/layers_info.bzl", "LayersInfo")
load("//rules/private:step_runner.bzl", "STEP_RUNNER_ATTRS", "step_runner_args")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_action")

def _context_path(file, strip_prefix):
    path = file.short_path
    if path.startswith("../"):
        path = path[len("../"):].partition("/")[2]
    if strip_prefix and path.startswith(strip_prefix + "/"):
        return path[len(strip_prefix) + 1:]
    return path

def _dockerfile_impl(ctx):
    layer = ctx.actions.declare_file(ctx.label.name + ".layer.tar.zst")
    config = ctx.actions.declare_file(ctx.label.name + ".config.json")
    strip_prefix = ctx.attr.context_root or ctx.label.package
    args = ctx.actions.args()
    runner = step_runner_args(ctx, args)
    args.add(ctx.file.dockerfile, format = "--dockerfile=%s")
    inputs = [ctx.file.dockerfile]
    for file in ctx.files.context:
        args.add("--context=%s=%s" % (_context_path(file, strip_prefix), file.path))
        inputs.append(file)

    final = None
    for base, stage_name in ctx.attr.bases.items():
        info = base[LayersInfo]
        for base_layer in info.layers:
            args.add(base_layer, format = "--base-layer=%s=%%s" % stage_name)
            inputs.append(base_layer)
        if info.config:
            args.add(info.config, format = "--base=%s=%%s" % stage_name)
            inputs.append(info.config)
        if stage_name == ctx.attr.base_name:
            final = info
    if ctx.attr.bases and final == None:
        names = ", ".join(ctx.attr.bases.values())
        fail("%s: base_name is %r, but bases has only %s" % (ctx.label, ctx.attr.base_name, names))
    for key, value in ctx.attr.build_args.items():
        args.add("--build-arg=%s=%s" % (key, value))
    if ctx.attr.target:
        args.add("--target=" + ctx.attr.target)
    args.add(layer, format = "--output=%s")
    args.add(config, format = "--output-config=%s")
    tool_action(
        ctx,
        tool = "dockerfile",
        arguments = [args],
        inputs = depset(inputs, transitive = [runner.inputs]),
        outputs = [layer, config],
        mnemonic = "IcosDockerfile",
        progress_message = "Running the Dockerfile of %{label}",
        # The --context options contain paths as text, which Bazel cannot map.
        execution_requirements = dict(runner.execution_requirements, **{"no-path-mapping": ""}),
    )
    return [
        DefaultInfo(files = depset([layer, config])),
        LayersInfo(
            layers = (final.layers if final else []) + [layer],
            config = config,
            packages = final.packages if final else depset(),
            components = final.components if final else depset(),
        ),
    ]

dockerfile = rule(
    implementation = _dockerfile_impl,
    doc = """Executes a Dockerfile without a container engine.

The changes become one layer on top of the base of its final stage.

Supported instructions: FROM, ARG, ENV, COPY, ADD of local tar archives, RUN, USER, WORKDIR, SHELL,
LABEL. Every other instruction is an error (docs/dockerfile.md). RUN has no network. A Dockerfile
without RUN does not start a machine.""",
    attrs = dict(
        STEP_RUNNER_ATTRS,
        dockerfile = attr.label(allow_single_file = True, mandatory = True, doc = "The Dockerfile."),
        context = attr.label_list(allow_files = True, doc = "The files that COPY and ADD can use."),
        context_root = attr.string(
            doc = """Directory, relative to the workspace, that the paths of the context are
            relative to. Default: this package.""",
        ),
        bases = attr.label_keyed_string_dict(
            providers = [LayersInfo],
            doc = "Maps a root file system to its name in FROM.",
        ),
        base_name = attr.string(
            default = "base",
            doc = "The name, in `bases`, of the base of the final stage.",
        ),
        build_args = attr.string_dict(doc = "Values for ARG instructions."),
        target = attr.string(doc = "The stage to build. Default: the last one."),
    ),
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
