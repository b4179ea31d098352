"""Tests that the name for default identifiers is the same in every workspace."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/private:stable_name.bzl", "stable_name")

def _stable_name_impl(ctx):
    env = unittest.begin(ctx)
    for label, name in {
        Label("//rules/tests:x"): "//rules/tests:x",
        Label("//:x"): "//:x",
        Label("//rules/tests"): "//rules/tests:tests",
        # A target of another repository has the same name as in its own repository.
        Label("@bazel_skylib//lib:paths"): "//lib:paths",
    }.items():
        asserts.equals(env, name, stable_name(label))
    return unittest.end(env)

_stable_name_test = unittest.make(_stable_name_impl)

def stable_name_test_suite(name):
    unittest.suite(name, _stable_name_test)
