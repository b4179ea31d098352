"""Running one of the image tools as an action."""

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

    The rule must require the toolchain: `toolchains = [TOOLS_TOOLCHAIN_TYPE]`. The tool reads its
    arguments from a parameter file, so their number is not limited.

    Args:
      ctx: the rule's context.
      tool: the tool's name, which is the name of its directory in `tools/`.
      arguments: an Args object, or a list of them. Add files as File objects, not as strings with
        their paths, so that Bazel can map the paths.
      inputs: list or depset of File that the tool reads.
      outputs: list of File that the tool writes.
      mnemonic: the action's mnemonic.
      progress_message: the text that Bazel shows while the action runs. Bazel replaces `%{label}`
        and `%{output}`.
      node_options: list of string, options for Node itself, such as `--max-old-space-size=256`.
      tools: executables that the tool starts: FilesToRunProvider or File objects.
      env: dict of environment variables.
      execution_requirements: dict of additional execution requirements. Path mapping is on by
        default. To turn it off, pass `{"no-path-mapping": ""}`; `{"supports-path-mapping": "0"}`
        does not work.
      resource_set: see `ctx.actions.run`.
    """
    icos_tools = ctx.toolchains[TOOLS_TOOLCHAIN_TYPE].icos_tools
    bundle = icos_tools.tools.get(tool)
    if bundle == None:
        fail("%s: the tool %r does not exist; the tools are %s" % (ctx.label, tool, ", ".join(sorted(icos_tools.tools))))

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

def tool_file(ctx, *, output, **kwargs):
    """Runs an image tool that writes the only output of a target.

    Args:
      ctx: the rule's context.
      output: the File that the tool writes.
      **kwargs: the arguments of `tool_action`.

    Returns:
      list of providers.
    """
    tool_action(ctx, outputs = [output], **kwargs)
    return [DefaultInfo(files = depset([output]))]
