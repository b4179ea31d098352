"""Helpers to examine the actions of a target."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def the_tool_action(env, mnemonic, tool):
    """Returns the only action with a mnemonic and asserts that it runs a tool.

    Args:
      env: the test's environment.
      mnemonic: the mnemonic.
      tool: the tool's name.

    Returns:
      the Action. The test fails if there is not exactly one.
    """
    actions = analysistest.target_actions(env)
    found = [action for action in actions if action.mnemonic == mnemonic]
    mnemonics = [action.mnemonic for action in actions]
    asserts.equals(env, 1, len(found), "actions with mnemonic %s among %s" % (mnemonic, mnemonics))
    action = found[0]
    asserts.true(env, action.argv[0].endswith("/node"), action.argv[0])
    asserts.true(env, action.argv[1].endswith("/%s.mjs" % tool), action.argv[1])

    # No variable of the caller's environment reaches the action.
    asserts.equals(env, {}, action.env)
    return action

def _options(action):
    """Returns the command line after the bundle, with the parameter file expanded."""
    bundles = [index for index, word in enumerate(action.argv) if word.endswith(".mjs")]
    return action.argv[bundles[0] + 1:]

def short_options(action):
    """Returns the tool's options with file names instead of paths.

    Paths depend on the configuration.

    Args:
      action: an Action.

    Returns:
      list of string.
    """
    return [
        "=".join([part.rpartition("/")[2] if part.startswith("bazel-out/") else part for part in option.split("=")])
        for option in _options(action)
    ]

def assert_short_options(env, action, expected):
    """Asserts that the tool has certain options, among others.

    Args:
      env: the test's environment.
      action: an Action.
      expected: list of string, see `short_options`.
    """
    found = short_options(action)
    for option in expected:
        asserts.true(env, option in found, "%s is not in %s" % (option, found))

def basenames(files):
    """Returns the names of files without their directories.

    Args:
      files: a list or depset of File.

    Returns:
      sorted list of string.
    """
    return sorted([file.basename for file in (files.to_list() if type(files) == "depset" else files)])
