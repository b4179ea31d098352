"""Unit tests in TypeScript: vitest as a Bazel test.

A folder of tools/lib needs one call of `vitest_suite`:

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

# What only root can do, outside of any sandbox (mounts, loop devices). `bazel test //...` leaves these out; continuous
# integration names them.
_ROOT_TEST_SUFFIX = ".root.test.ts"
_ROOT_TEST_TAGS = ["local", "manual", "no-sandbox"]

# Tests that start a kernel in user-mode Linux, which takes seconds per start: `pnpm run check` leaves them out,
# `bazel test //...` runs them.
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

    # The test's executable is Node itself; its script is in `args`, which vitest_test sets.
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
    """Where the folder node_modules is, relative to the main repository's runfiles."""
    files = node_modules.files.to_list()
    if len(files) == 1 and files[0].basename == "node_modules":
        # The folder that `pnpm install` made.
        return files[0].short_path

    # aspect_rules_js links each package into the package of the target.
    return "node_modules"

_vitest_test = rule(
    implementation = _vitest_test_impl,
    attrs = {
        "data": attr.label_list(
            doc = "What the tests import and read.",
            allow_files = True,
        ),
        "srcs": attr.label_list(
            doc = "The tests, `*.test.ts`.",
            allow_files = [_TEST_SUFFIX],
            mandatory = True,
        ),
        "roots": attr.label_keyed_string_dict(
            doc = "Directories of unpacked packages, to the name of the environment variable that tells the tests where each is.",
            providers = [AptRootInfo],
        ),
        "tools": attr.label_keyed_string_dict(
            doc = "Executables, to the names of the environment variables that tell the tests where they are.",
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
    """Runs tests with vitest, in a workspace that holds nothing but what is declared here.

    Args:
      name: The target's name.
      srcs: The tests, `*.test.ts`.
      data: What the tests import and read, such as the `ts` target of a folder; paths stay as they are in the source
        tree.
      tools: A dict of the name of an environment variable, such as `E2FSCK`, to the label of the executable that
        the tests find there.
      args: More arguments for vitest.
      **kwargs: As for every test.
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
    """The same sources as tools/from_source bundles them: `js`, and for a tool also `main`, its entry point."""
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
    """The targets of a directory of TypeScript: `ts`, its sources, and tests of them.

    Tests called `*kernel.test.ts` become `kernel_<name>`, those called `*.root.test.ts` `root_<name>`.

    Args:
      name: The name of the test; there is none where no source is called `*.test.ts`.
      srcs: The folder's sources and tests, and the text files (`*.sh`) that its sources read.
      deps: The `ts` targets of the folders whose modules these import.
      data: Other files that the tests alone read.
      tools: See vitest_test.
      roots: A dict of the label of unpacked packages (`apt.root`) to the name of the environment variable that
        tells the tests where they are.
      size: See vitest_test.
      **kwargs: As for every test.
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
