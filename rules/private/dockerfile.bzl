"""A Dockerfile executed on top of a root file system."""

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
        fail("%s: base_name is %r, but bases has only %s" % (ctx.label, ctx.attr.base_name, ", ".join(ctx.attr.bases.values())))
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
        # The context map names files inside one argument.
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
    doc = """Executes a Dockerfile, without a container engine, and gives what it changed as one layer on its base.

Supported: FROM, ARG, ENV, COPY, ADD of local tars, RUN, USER, WORKDIR, SHELL, LABEL; every other instruction is an error
(docs/dockerfile.md). RUN has no network. A Dockerfile without RUN never starts a machine.""",
    attrs = dict(
        STEP_RUNNER_ATTRS,
        dockerfile = attr.label(allow_single_file = True, mandatory = True, doc = "The Dockerfile."),
        context = attr.label_list(allow_files = True, doc = "The files that COPY and ADD can see."),
        context_root = attr.string(doc = "Directory, from the root of the workspace, that the paths of the context start from. Default: this package."),
        bases = attr.label_keyed_string_dict(providers = [LayersInfo], doc = "Root file system to the name by which FROM calls it."),
        base_name = attr.string(default = "base", doc = "Which of `bases` the final stage stands on."),
        build_args = attr.string_dict(doc = "Values for ARG."),
        target = attr.string(doc = "The stage to build. Default: the last."),
    ),
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
