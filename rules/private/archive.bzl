"""The parts that `disk_image` and `upgrade_image` share: archives, compressions and checksums."""

load("//rules/private:providers/archive_info.bzl", "ArchiveInfo")
load("//rules/private:tool_action.bzl", "tool_action")

ARCHIVE_ATTRS = {
    "stem": attr.string(doc = "File name without `.tar.zst`. Default: the target's name."),
}

def archive_action(ctx, *, tool, args, inputs, partitions, mnemonic, progress_message):
    """Runs the tool that writes an archive and returns the rule's providers.

    Args:
      ctx: the context of a rule with ARCHIVE_ATTRS.
      tool: the tool's name.
      args: an Args object: the options of this tool. Outputs are added to it.
      inputs: list of File that the tool reads.
      partitions: dict of name to PartitionInfo: the content of the archive.
      mnemonic: the action's mnemonic.
      progress_message: the action's progress message.

    Returns:
      list of providers.
    """
    stem = ctx.attr.stem or ctx.label.name
    zst = ctx.actions.declare_file(stem + ".tar.zst")
    gz = ctx.actions.declare_file(stem + ".tar.gz")
    checksums = [ctx.actions.declare_file(file.basename + ".sha256") for file in [zst, gz]]
    outputs = [zst, gz] + checksums
    args.add(zst, format = "--zst=%s")
    args.add(gz, format = "--gz=%s")
    tool_action(
        ctx,
        tool = tool,
        arguments = [args],
        inputs = inputs,
        outputs = outputs,
        mnemonic = mnemonic,
        progress_message = progress_message,
    )
    return [
        DefaultInfo(files = depset(outputs)),
        OutputGroupInfo(checksums = depset(checksums)),
        ArchiveInfo(zst = zst, gz = gz, checksums = checksums, partitions = partitions),
    ]
