"""Unit tests in TypeScript, with vitest as a Bazel test.

A directory in tools/lib needs one call of `vitest_suite`:

    load("//test/vitest:defs.bzl", "vitest_suite")

    vitest_suite(
        name = "test",
        srcs = glob(["*.ts"]),
        deps = ["//tools/lib/formats/entry:ts"],
    )
"""

load("@icos_npm//:defs.bzl", "js_library")
load("//rules/private:providers/apt_root_info.bzl", "AptRootInfo")  # buildifier: disable=bzl-visibility

_TEST_SUFFIX = ".test.ts"

# Tests that need root and no sandbox (mounts, loop devices). `bazel test //...` leaves them out;
# continuous integration runs them by name.
_ROOT_TEST_SUFFIX = ".root.test.ts"
_ROOT_TEST_TAGS = ["local", "manual", "no-sandbox"]

# Tests that start a kernel in user-mode Linux, which takes seconds per start: `npm run check`
# leaves them out, `bazel test //...` runs them.
_KERNEL_TEST_SUFFIX = "kernel.test.ts"
_KERNEL_TEST_TAGS = ["kernel"]
_TOOLCHAIN_TYPE = "//rules/toolchain:type"

def _vitest_test_impl(ctx):
    files = depset(
        ctx.files.srcs + ctx.files._workspace,
        transitive = [target[DefaultInfo].files for target in ctx.attr.data],
    )
    node_modules = ctx.attr._node_modules[DefaultInfo]

    specification = ctx.actions.declare_file(ctx.label.name + ".vitest.json")
    ctx.actions.write(specification, json.encode({
        "files": [file.short_path for file in files.to_list()],
        "tests": [file.short_path for file in ctx.files.srcs],
        "nodeModules": _node_modules_path(node_modules),
        "tools": {
            name: tool[DefaultInfo].files_to_run.executable.short_path
            for tool, names in ctx.attr.tools.items()
            for name in names.split(" ")
        } | {
            name: "../" + root[AptRootInfo].path.removeprefix("external/")
            for root, name in ctx.attr.roots.items()
        },
    }))

    # The test's executable is Node itself. vitest_test sets the script in `args`.
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(
        output = executable,
        target_file = ctx.toolchains[_TOOLCHAIN_TYPE].icos_tools.node,
        is_executable = True,
    )

    runfiles = ctx.runfiles(
        files = [specification, ctx.file._runner],
        transitive_files = depset(transitive = [files, node_modules.files]),
    ).merge_all(
        [node_modules.default_runfiles] +
        [target[DefaultInfo].default_runfiles for target in ctx.attr.data] +
        [tool[DefaultInfo].default_runfiles for tool in ctx.attr.tools] +
        [root[DefaultInfo].default_runfiles for root in ctx.attr.roots],
    )
    return [
        DefaultInfo(executable = executable, runfiles = runfiles),
        RunEnvironmentInfo(environment = {"VITEST_TEST": specification.short_path}),
    ]

def _node_modules_path(node_modules):
    """Returns the path of node_modules, relative to the main repository's runfiles."""
    files = node_modules.files.to_list()
    if len(files) == 1 and files[0].basename == "node_modules":
        # The directory that tools/npm-packages creates.
        return files[0].short_path

    # aspect_rules_js links each package into the package of the target.
    return "node_modules"

_vitest_test = rule(
    implementation = _vitest_test_impl,
    attrs = {
        "data": attr.label_list(
            doc = "Files that the tests import and read.",
            allow_files = True,
        ),
        "srcs": attr.label_list(
            doc = "The tests, `*.test.ts`.",
            allow_files = [_TEST_SUFFIX],
            mandatory = True,
        ),
        "roots": attr.label_keyed_string_dict(
            doc = "Maps a directory of unpacked packages to the environment variable with its path.",
            providers = [AptRootInfo],
        ),
        "tools": attr.label_keyed_string_dict(
            doc = "Maps an executable to the names of the environment variables with its path.",
            allow_files = True,
            cfg = "target",
        ),
        "_node_modules": attr.label(default = "//:node_modules"),
        "_runner": attr.label(
            default = "//test/vitest:runner.ts",
            allow_single_file = True,
        ),
        "_workspace": attr.label(default = "//:typescript_workspace"),
    },
    test = True,
    toolchains = [_TOOLCHAIN_TYPE],
)

def vitest_test(name, srcs, data = [], tools = {}, args = [], **kwargs):
    """Defines tests that run with vitest, in a workspace with only the declared files.

    Args:
      name: the target's name.
      srcs: the tests, `*.test.ts`.
      data: files that the tests import and read, such as the `ts` target of a directory. Their paths
        are the same as in the source tree.
      tools: dict of the name of an environment variable, such as `E2FSCK`, to the label of an
        executable. The tests find the executable's path in the variable.
      args: further arguments for vitest.
      **kwargs: common attributes of tests.
    """
    variables = {}
    for variable, tool in tools.items():
        variables[tool] = " ".join(sorted(variables.get(tool, "").split(" ") + [variable])).strip()
    _vitest_test(
        name = name,
        srcs = srcs,
        args = ["test/vitest/runner.ts"] + args,
        data = data,
        tools = variables,
        **kwargs
    )

def _bundle_inputs(modules, deps):
    """Defines the sources for tools/from_source: `js`, and `main` if there is an entry point."""
    js_library(
        name = "js",
        srcs = [file for file in modules if file != "main.ts"],
        visibility = ["//visibility:public"],
        deps = [dep.removesuffix(":ts") + ":js" for dep in deps],
    )
    if "main.ts" in modules:
        js_library(
            name = "main",
            srcs = ["main.ts"],
            visibility = ["//visibility:public"],
            deps = [":js"],
        )

def vitest_suite(name, srcs, deps = [], data = [], tools = {}, roots = {}, size = "small", **kwargs):
    """Defines the targets of a directory of TypeScript: `ts`, its sources, and their tests.

    Tests called `*kernel.test.ts` become `kernel_<name>`, those called `*.root.test.ts`
    `root_<name>`.

    Args:
      name: the name of the test. It is not defined if no source is called `*.test.ts`.
      srcs: the directory's sources and tests, and the text files (`*.sh`) that the sources read.
      deps: the `ts` targets of other directories whose modules the sources import.
      data: other files, which only the tests read.
      tools: see vitest_test.
      roots: dict of the label of unpacked packages (`apt.root`) to the name of the environment
        variable with their path.
      size: see vitest_test.
      **kwargs: common attributes of tests.
    """
    modules = [file for file in srcs if not file.endswith(_TEST_SUFFIX)]
    native.filegroup(
        name = "ts",
        srcs = modules + deps,
        visibility = ["//visibility:public"],
    )
    _bundle_inputs(modules, deps)
    tests = [file for file in srcs if file.endswith(_TEST_SUFFIX)]
    as_root = [file for file in tests if file.endswith(_ROOT_TEST_SUFFIX)]
    with_kernel = [file for file in tests if file.endswith(_KERNEL_TEST_SUFFIX)]
    for test, files, test_size, tags in [
        (name, [file for file in tests if file not in as_root + with_kernel], size, []),
        ("kernel_" + name, with_kernel, "large", _KERNEL_TEST_TAGS),
        ("root_" + name, as_root, size, _ROOT_TEST_TAGS),
    ]:
        if not files:
            continue
        vitest_test(
            name = test,
            srcs = files,
            tags = tags,
            data = [":ts", "//tools/lib/testing:ts"] + data,
            tools = tools,
            roots = roots,
            size = test_size,
            **kwargs
        )
