"""Looks at the actions of a target."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def the_action(env, mnemonic):
    """Gives the target's one action of a mnemonic.

    Args:
      env: the test's environment.
      mnemonic: the mnemonic.

    Returns:
      the Action, or None after the test has failed.
    """
    actions = analysistest.target_actions(env)
    found = [action for action in actions if action.mnemonic == mnemonic]
    asserts.equals(env, 1, len(found), "actions called %s among %s" % (mnemonic, [action.mnemonic for action in actions]))
    return found[0] if found else None

def options(action):
    """Gives the tool's options: what stands behind its bundle on the command line, the parameter file expanded.

    Args:
      action: an Action.

    Returns:
      list of string.
    """
    bundles = [index for index, word in enumerate(action.argv) if word.endswith(".mjs")]
    return action.argv[bundles[0] + 1:]

def short_options(action):
    """Gives the tool's options with file names in the place of paths, to compare them whatever the configuration.

    Args:
      action: an Action.

    Returns:
      list of string.
    """
    return [
        "=".join([part.rpartition("/")[2] if part.startswith("bazel-out/") else part for part in option.split("=")])
        for option in options(action)
    ]

def basenames(files):
    """Gives the names of files.

    Args:
      files: a list or depset of File.

    Returns:
      sorted list of string.
    """
    return sorted([file.basename for file in (files.to_list() if type(files) == "depset" else files)])

def assert_tool_action(env, action, tool):
    """Asserts what holds for every action that runs a tool.

    Args:
      env: the test's environment.
      action: the Action.
      tool: the tool's name.
    """
    asserts.true(env, action.argv[0].endswith("/node"), action.argv[0])
    asserts.true(env, action.argv[1].endswith("/%s.mjs" % tool), action.argv[1])

    # Nothing of the caller's environment.
    asserts.equals(env, {}, action.env)
