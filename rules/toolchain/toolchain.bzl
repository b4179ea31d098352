"""The toolchain of the image tools: a Node runtime and one bundle per tool."""

IcosToolsInfo = provider(
    doc = "The files that an action needs to run one of the image tools.",
    fields = {
        "node": "File: a Node executable, version 24 or newer (with built-in zstd).",
        "tools": "dict of string to File: maps a tool's name (its directory in tools/) to its bundle (an ES module).",
    },
)

def _tools_toolchain_impl(ctx):
    tools = {}
    for bundle in ctx.files.bundles:
        tools[bundle.basename.removesuffix(".mjs")] = bundle
    icos_tools = IcosToolsInfo(node = ctx.file.node, tools = tools)
    return [
        platform_common.ToolchainInfo(icos_tools = icos_tools),
        icos_tools,
        DefaultInfo(files = depset(ctx.files.bundles)),
    ]

tools_toolchain = rule(
    implementation = _tools_toolchain_impl,
    doc = "A toolchain of type `//rules/toolchain:type`.",
    attrs = {
        "bundles": attr.label_list(
            doc = "The bundles, each called `NAME.mjs`.",
            allow_files = [".mjs"],
            mandatory = True,
        ),
        "node": attr.label(
            doc = "The Node executable.",
            allow_single_file = True,
            cfg = "exec",
            mandatory = True,
        ),
    },
)
