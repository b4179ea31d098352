"""Running steps in a root file system without privileges."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("//rules/private:providers/apt_root_info.bzl", "AptRootInfo")
load("//rules/private:tool_action.bzl", "tool_action")

STEP_RUNNER_ATTRS = {
    "memory_mib": attr.int(
        default = 1024,
        doc = "Memory of the virtual machine that runs the steps, in MiB.",
    ),
    "time_limit_seconds": attr.int(default = 1800, doc = "Time limit for all steps together, in seconds."),
    "_step_runner": attr.label(default = "//rules:step_runner", providers = [BuildSettingInfo]),
    "_step_runner_root": attr.label(default = "@step_runner//:root", providers = [AptRootInfo]),
}

def step_runner_args(ctx, args):
    """Adds the options that select and configure the step runner.

    Args:
      ctx: the context of a rule with STEP_RUNNER_ATTRS.
      args: an Args object.

    Returns:
      struct of `inputs` (depset of File) and `execution_requirements` (dict) for the action.
    """
    runner = ctx.attr._step_runner[BuildSettingInfo].value
    root = ctx.attr._step_runner_root[AptRootInfo]
    args.add("--runner=" + runner)
    args.add("--runner-root=" + root.path)
    args.add("--memory=%d" % ctx.attr.memory_mib)
    args.add("--time-limit=%d" % ctx.attr.time_limit_seconds)
    return struct(
        inputs = root.files,
        # A chroot requires the real root user, which does not exist in a sandbox.
        execution_requirements = {"no-sandbox": "1", "no-remote": "1"} if runner == "chroot" else {},
    )

def step_runner_action(ctx, *, layers, steps, output, mnemonic, progress_message):
    """Runs a list of steps on layers and writes the changes as another layer.

    Args:
      ctx: the context of a rule with STEP_RUNNER_ATTRS.
      layers: list of File: the root file system, lowest layer first.
      steps: File: the list of steps (`*.steps.json`).
      output: File: the layer to write.
      mnemonic: the action's mnemonic.
      progress_message: the action's progress message.
    """
    args = ctx.actions.args()
    runner = step_runner_args(ctx, args)
    args.add_all(layers, format_each = "--layer=%s")
    args.add(steps, format = "--steps=%s")
    args.add(output, format = "--output=%s")
    tool_action(
        ctx,
        tool = "step-runner",
        arguments = [args],
        inputs = depset(layers + [steps], transitive = [runner.inputs]),
        outputs = [output],
        mnemonic = mnemonic,
        progress_message = progress_message,
        execution_requirements = runner.execution_requirements,
    )
