"""Tests of `rootfs` and `initramfs`: their outputs and errors."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules:defs.bzl", "initramfs", "install", "placeholder", "rootfs")
load("//rules/private:providers/layers_info.bzl", "LayersInfo")
load(":actions.bzl", "basenames", "short_options", "the_tool_action")
load(":refusal.bzl", "refusal_tests")

def _written(env, name):
    found = [
        action.content
        for action in analysistest.target_actions(env)
        if action.mnemonic == "FileWrite" and action.outputs.to_list()[0].basename == name
    ]
    asserts.equals(env, 1, len(found), "actions that write " + name)
    return json.decode(found[0])

def _upper_impl(ctx):
    env = analysistest.begin(ctx)
    info = analysistest.target_under_test(env)[LayersInfo]
    asserts.equals(env, ["rootfs_lower.layer.tar.zst", "rootfs_upper.layer.tar.zst"], [file.basename for file in info.layers])
    asserts.equals(env, ["rootfs_lower.components.json", "rootfs_upper.components.json"], basenames(info.components))
    asserts.equals(env, None, info.config)

    action = the_tool_action(env, "IcosLayer", "layer")
    asserts.equals(env, ["--manifest=rootfs_upper.files.json", "--output=rootfs_upper.layer.tar.zst"], short_options(action))

    # A layer depends only on its own files, so a change of a lower layer does not rebuild it.
    asserts.false(env, "rootfs_lower.layer.tar.zst" in basenames(action.inputs))

    entries = {entry["path"]: entry for entry in _written(env, "rootfs_upper.files.json")["entries"]}
    asserts.equals(env, ["/etc/link", "/opt/x", "/srv"], sorted(entries))
    asserts.equals(env, ("file", "4755", 7, 8), tuple([entries["/opt/x"][key] for key in ["type", "mode", "uid", "gid"]]))
    asserts.equals(env, ("directory", "0700"), (entries["/srv"]["type"], entries["/srv"]["mode"]))
    asserts.equals(env, ("symlink", "../opt/x"), (entries["/etc/link"]["type"], entries["/etc/link"]["target"]))

    components = _written(env, "rootfs_upper.components.json")["components"]
    asserts.equals(env, [{"path": "/opt/x", "label": "//rules/tests:rootfs_placeholder", "note": "does nothing"}], components)
    return analysistest.end(env)

_upper_test = analysistest.make(_upper_impl)

def _rootfs_of_two_files(name, tags):
    native.filegroup(name = name + "_two", srcs = ["a.txt", "b.txt"], tags = tags)
    rootfs(name = name, files = {name + "_two": install("/opt/x")}, tags = tags)

def _initramfs_of_two_files(name, tags):
    native.filegroup(name = name + "_two", srcs = ["a.txt", "b.txt"], tags = tags)
    initramfs(name = name, src = ":rootfs_lower", files = {name + "_two": install("/init")}, tags = tags)

def _initramfs_of_another_owner(name, tags):
    initramfs(name = name, src = ":rootfs_lower", files = {"a.txt": install("/init", owner = "7:8")}, tags = tags)

def _rootfs_of_no_file(name, tags):
    native.filegroup(name = name + "_none", tags = tags)
    rootfs(name = name, files = {name + "_none": install("/opt/x")}, tags = tags)

def _rootfs_without_layers(name, tags):
    rootfs(name = name, base = ":rootfs_placeholder", tags = tags)

def rootfs_test_suite(name):
    """Defines the targets and their tests.

    Args:
      name: the name of the test suite.
    """
    placeholder(name = "rootfs_placeholder", src = "a.txt", note = "does nothing", tags = ["manual"])
    rootfs(name = "rootfs_lower", files = {"b.txt": install("/opt/y")}, tags = ["manual"])
    rootfs(
        name = "rootfs_upper",
        base = ":rootfs_lower",
        directories = {"/srv": "0700"},
        files = {":rootfs_placeholder": install("/opt/x", mode = "4755", owner = "7:8")},
        symlinks = {"/etc/link": "../opt/x"},
        tags = ["manual"],
    )
    _upper_test(name = "rootfs_upper_test", target_under_test = ":rootfs_upper")
    refusal_tests(name + "_two_files", _rootfs_of_two_files, {
        "refused": ({}, ["two is installed as /opt/x, but has 2 output files (a.txt, b.txt); use a target with one output file"]),
    })
    refusal_tests(name + "_initramfs", _initramfs_of_two_files, {
        "refused": ({}, ["two is installed as /init, but has 2 output files (a.txt, b.txt)"]),
    })
    refusal_tests(name + "_initramfs_owner", _initramfs_of_another_owner, {
        "refused": ({}, ["a.txt is installed as /init with the owner 7:8, but everything in an initramfs belongs to 0:0"]),
    })
    refusal_tests(name + "_no_file", _rootfs_of_no_file, {
        "refused": ({}, ["none is installed as /opt/x, but has no output file; use a target with one output file"]),
    })
    refusal_tests(name + "_base", _rootfs_without_layers, {
        "refused": ({}, ["'//rules/tests:rootfs_placeholder' does not have mandatory providers: 'LayersInfo'"]),
    })
    native.test_suite(name = name, tests = [
        "rootfs_upper_test",
        name + "_two_files",
        name + "_initramfs",
        name + "_initramfs_owner",
        name + "_no_file",
        name + "_base",
    ])
