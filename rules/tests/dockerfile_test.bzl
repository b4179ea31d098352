"""Tests of `dockerfile`: its bases and options."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules:defs.bzl", "dockerfile", "install", "rootfs")
load("//rules/private:providers/layers_info.bzl", "LayersInfo")
load(":actions.bzl", "assert_short_options", "the_tool_action")
load(":refusal.bzl", "refusal_tests")

def _dockerfile_impl(ctx):
    env = analysistest.begin(ctx)
    action = the_tool_action(env, "IcosDockerfile", "dockerfile")
    assert_short_options(env, action, [
        "--runner=uml",
        "--time-limit=1800",
        "--dockerfile=rules/tests/a.txt",
        "--context=b.txt=rules/tests/b.txt",
        "--base-layer=base=dockerfile_base.layer.tar.zst",
        "--base-layer=tools=dockerfile_tools.layer.tar.zst",
        "--build-arg=WORD=a b",
        "--target=last",
        "--output=dockerfile_good.layer.tar.zst",
        "--output-config=dockerfile_good.config.json",
    ])

    # Only the base of the final stage is part of the root file system.
    info = analysistest.target_under_test(env)[LayersInfo]
    asserts.equals(
        env,
        ["dockerfile_base.layer.tar.zst", "dockerfile_good.layer.tar.zst"],
        [file.basename for file in info.layers],
    )
    asserts.equals(env, "dockerfile_good.config.json", info.config.basename)
    return analysistest.end(env)

_dockerfile_test = analysistest.make(_dockerfile_impl)

def dockerfile_test_suite(name):
    """Defines the targets and their tests.

    Args:
      name: the name of the test suite.
    """
    for base in ["dockerfile_base", "dockerfile_tools"]:
        rootfs(name = base, files = {"a.txt": install("/a")}, tags = ["manual"])
    dockerfile(
        name = "dockerfile_good",
        bases = {":dockerfile_base": "base", ":dockerfile_tools": "tools"},
        build_args = {"WORD": "a b"},
        context = ["b.txt"],
        dockerfile = "a.txt",
        tags = ["manual"],
        target = "last",
    )
    _dockerfile_test(name = "dockerfile_good_test", target_under_test = ":dockerfile_good")
    refusal_tests(name + "_refused", dockerfile, {
        "base_name": (
            dict(dockerfile = "a.txt", bases = {":dockerfile_base": "debian"}, base_name = "ubuntu"),
            ["base_name is \"ubuntu\", but bases has only debian"],
        ),
        "default_base_name": (
            dict(dockerfile = "a.txt", bases = {":dockerfile_base": "debian", ":dockerfile_tools": "tools"}),
            ["base_name is \"base\", but bases has only debian, tools"],
        ),
    })
    native.test_suite(name = name, tests = ["dockerfile_good_test", name + "_refused"])
