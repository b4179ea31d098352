"""The kernel command lines of an image."""

load("//rules/private:providers/partition_info.bzl", "PartitionInfo")
load("//rules/private:tool_action.bzl", "TOOLS_TOOLCHAIN_TYPE", "tool_file")

def _boot_args_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name)
    args = ctx.actions.args()
    args.add(ctx.file.template, format = "--template=%s")
    inputs = [ctx.file.template]
    if ctx.attr.root:
        index = ctx.attr.root[PartitionInfo].index
        args.add(index, format = "--root=%s")
        inputs.append(index)
    args.add_all(["%s=%s" % (name, value) for name, value in ctx.attr.values.items()], format_each = "--value=%s")
    args.add(output, format = "--output=%s")
    return tool_file(
        ctx,
        tool = "boot-args",
        arguments = [args],
        inputs = inputs,
        output = output,
        mnemonic = "IcosBootArgs",
        progress_message = "Writing boot arguments %{label}",
    )

boot_args = rule(
    implementation = _boot_args_impl,
    doc = """Fills in a template of kernel command lines.

It replaces `@ROOT_HASH@`, `@HASH_OFFSET@` (bytes) and `@ROOT_TYPE@` (file system) with the values
of the root partition, and `@NAME@` with each of `values`. The result is checked against a strict
grammar: it cannot contain anything that runs.""",
    attrs = {
        "template": attr.label(
            allow_single_file = True,
            mandatory = True,
            doc = "The template: a GRUB environment block with `BOOT_ARGS...=` lines.",
        ),
        "root": attr.label(providers = [PartitionInfo], doc = "The root partition, if it has a hash tree."),
        "values": attr.string_dict(doc = "Further names in the template and their values."),
    },
    toolchains = [TOOLS_TOOLCHAIN_TYPE],
)
