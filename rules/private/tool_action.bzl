"Runs one of the image tools as an action."

TOOLS_TOOLCHAIN_TYPE = Label("//rules/toolchain:type")

def tool_action(
        ctx,
        *,
        tool,
        arguments,
        inputs,
        outputs,
        mnemonic,
        progress_message,
        node_options = [],
        tools = [],
        env = {},
        execution_requirements = {},
        resource_set = None):
    """Runs one of the image tools as an action.

    The rule must name the toolchain: `toolchains = [TOOLS_TOOLCHAIN_TYPE]`. The arguments reach the tool through a
    parameter file, so that there may be any number of them.

    Args:
      ctx: The rule's context.
      tool: The tool's name, which is its folder under `tools/`.
      arguments: An `Args` object, or a list of them. Files must be in it as `File`, never as text made of their
        paths: that is what makes path mapping right.
      inputs: A list or depset of the files that the tool reads.
      outputs: The files that the tool writes.
      mnemonic: The action's mnemonic.
      progress_message: What Bazel shows while it runs; `%{label}` and `%{output}` are filled in.
      node_options: Options for Node itself, such as `--max-old-space-size=256`.
      tools: Executables that the tool starts: `FilesToRunProvider`s or `File`s.
      env: Environment variables.
      execution_requirements: Additional execution requirements. Path mapping is on; `{"supports-path-mapping": "0"}`
        is not how to turn it off: pass `{"no-path-mapping": ""}`.
      resource_set: See `ctx.actions.run`.
    """
    icos_tools = ctx.toolchains[TOOLS_TOOLCHAIN_TYPE].icos_tools
    bundle = icos_tools.tools.get(tool)
    if bundle == None:
        fail("{}: no tool is called {}; there are: {}".format(ctx.label, tool, ", ".join(sorted(icos_tools.tools))))

    node_arguments = ctx.actions.args()
    node_arguments.add_all(node_options)
    node_arguments.add(bundle)
    tool_arguments = arguments if type(arguments) == "list" else [arguments]
    for args in tool_arguments:
        args.use_param_file("@%s", use_always = True)
        args.set_param_file_format("multiline")

    requirements = {"supports-path-mapping": "1"}
    for key, value in execution_requirements.items():
        if key == "no-path-mapping":
            requirements.pop("supports-path-mapping")
        else:
            requirements[key] = value

    ctx.actions.run(
        executable = icos_tools.node,
        arguments = [node_arguments] + tool_arguments,
        inputs = depset([bundle], transitive = [inputs if type(inputs) == "depset" else depset(inputs)]),
        outputs = outputs,
        tools = tools,
        env = env,
        mnemonic = mnemonic,
        progress_message = progress_message,
        execution_requirements = requirements,
        resource_set = resource_set,
        toolchain = TOOLS_TOOLCHAIN_TYPE,
    )
