"""Tests of the syntax of versions."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@bazel_skylib//rules:common_settings.bzl", "string_flag")
load("//rules:defs.bzl", "version_file")
load(":refusal.bzl", "refusal_tests")

def _version(name, value, tags):
    string_flag(name = name + "_flag", build_setting_default = value, tags = tags)
    version_file(name = name, version = name + "_flag", tags = tags)

def _accepted_impl(ctx):
    env = analysistest.begin(ctx)
    [action] = analysistest.target_actions(env)
    asserts.equals(env, "1.2.3-rc.1+a_B\n", action.content)
    return analysistest.end(env)

_accepted_test = analysistest.make(_accepted_impl)

_RULE = "a version can contain only letters, digits, '.', '-', '_' and '+'"

def version_test_suite(name):
    _version(name = "version_good", value = "1.2.3-rc.1+a_B", tags = ["manual"])
    _accepted_test(name = "version_good_test", target_under_test = ":version_good")
    refusal_tests(name + "_refused", _version, {
        "empty": (dict(value = ""), ["empty_flag is \"\": " + _RULE]),
        "space": (dict(value = "1 2"), ["space_flag is \"1 2\": " + _RULE]),
        "quote": (dict(value = "1\"; reboot"), [_RULE]),
        "two_lines": (dict(value = "1\n2"), [_RULE]),
    })
    native.test_suite(name = name, tests = ["version_good_test", name + "_refused"])
