"""Tests of the generated files in the repositories of packages."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/private:apt_debs.bzl", "debs_build_file")
load("//rules/private:apt_root.bzl", "quote_for_shell")

_PACKAGES = [
    struct(name = "jq", file_name = "jq_1_amd64.deb", sets = ["common", "dev"]),
    struct(name = "strace", file_name = "strace_2_amd64.deb", sets = ["dev"]),
]

def _group(name, files):
    lines = ["filegroup(", "    name = \"{}\",".format(name), "    srcs = ["]
    lines += ["        \"debs/{}\",".format(file) for file in files]
    return "\n".join(lines + ["    ],", ")"])

def _groups_impl(ctx):
    env = unittest.begin(ctx)
    build = debs_build_file(_PACKAGES, ["common", "dev"])
    for name, files in {
        "jq": ["jq_1_amd64.deb"],
        "strace": ["strace_2_amd64.deb"],
        "common": ["jq_1_amd64.deb"],
        "dev": ["jq_1_amd64.deb", "strace_2_amd64.deb"],
    }.items():
        asserts.true(env, _group(name, files) in build, name)
    return unittest.end(env)

def _quote_impl(ctx):
    env = unittest.begin(ctx)
    for word, quoted in {
        "-L": "\"-L\"",
        "{root}/usr/share": "\"$root/usr/share\"",
        "a b$c`d\"e\\": "\"a b\\$c\\`d\\\"e\\\\\"",
        "": "\"\"",
    }.items():
        asserts.equals(env, quoted, quote_for_shell(word))
    return unittest.end(env)

_groups_test = unittest.make(_groups_impl)
_quote_test = unittest.make(_quote_impl)

def repositories_test_suite(name):
    unittest.suite(name, _groups_test, _quote_test)
