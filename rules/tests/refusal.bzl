"""Tests that the analysis of a target fails with the expected error."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def _refusal_impl(ctx):
    env = analysistest.begin(ctx)
    for words in ctx.attr.words:
        asserts.expect_failure(env, words)
    return analysistest.end(env)

_refusal_test = analysistest.make(
    _refusal_impl,
    attrs = {"words": attr.string_list(doc = "Texts that the error must contain.")},
    expect_failure = True,
)

def refusal_tests(name, probe, cases):
    """Defines a target for each case, and a test that its analysis fails.

    Args:
      name: the name of the test suite.
      probe: a rule or macro. It is called with a name, tags and the arguments of the case.
      cases: dict of the case's name to a tuple: its arguments (a dict) and texts of the error (a
        list).
    """
    tests = []
    for case, (arguments, words) in cases.items():
        target = "%s_%s" % (name, case)
        probe(name = target, tags = ["manual"], **arguments)
        _refusal_test(name = target + "_test", target_under_test = target, words = words)
        tests.append(target + "_test")
    native.test_suite(name = name, tests = tests)
