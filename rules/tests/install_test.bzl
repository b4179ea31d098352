"""Tests of `install`: the arguments that it accepts, and the errors for all others."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/private:install.bzl", "decode_install", "encode_install", "install")
load(":refusal.bzl", "refusal_tests")

def _install_probe_impl(ctx):
    install(ctx.attr.path, mode = ctx.attr.mode, owner = ctx.attr.owner)

# An error of `install` in a BUILD file would fail all tests. In a rule, it fails only one target.
_install_probe = rule(
    implementation = _install_probe_impl,
    attrs = {
        "path": attr.string(default = "/opt/ic/bin/replica"),
        "mode": attr.string(default = "0755"),
        "owner": attr.string(default = "0:0"),
    },
)

_PATH = ["the path must be absolute and name a file, such as \"/opt/ic/bin/replica\""]
_MODE = ["install(path = \"/opt/ic/bin/replica\", mode = ", "the mode must be three or four octal digits, such as \"0755\""]
_OWNER = ["install(path = \"/opt/ic/bin/replica\", owner = ", "the owner must be UID:GID in numbers, such as \"0:0\""]

_REFUSED = {
    "relative_path": (dict(path = "opt/x"), ["install(path = \"opt/x\")"] + _PATH),
    "no_path": (dict(path = ""), _PATH),
    "directory_path": (dict(path = "/opt/"), ["install(path = \"/opt/\")"] + _PATH),
    "path_up": (dict(path = "/opt/../etc/x"), ["install(path = \"/opt/../etc/x\")"] + _PATH),
    "path_up_at_the_end": (dict(path = "/opt/.."), _PATH),
    "mode_in_words": (dict(mode = "u=rwx"), _MODE),
    "mode_not_octal": (dict(mode = "0789"), ["mode = \"0789\""] + _MODE),
    "mode_too_short": (dict(mode = "75"), _MODE),
    "mode_too_long": (dict(mode = "00755"), _MODE),
    "no_mode": (dict(mode = ""), _MODE),
    "owner_by_name": (dict(owner = "root:root"), ["owner = \"root:root\""] + _OWNER),
    "owner_without_group": (dict(owner = "0"), _OWNER),
    "owner_below_0": (dict(owner = "-1:0"), _OWNER),
    "owner_too_large": (dict(owner = "0:4294967296"), ["owner = \"0:4294967296\"", "at most 4294967295"]),
}

def _accepted_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, struct(path = "/etc/x", mode = "0644", uid = 0, gid = 0), install("/etc/x"))
    spec = install("/bin/a b\"c", mode = "4755", owner = "1000:4294967295")
    asserts.equals(env, struct(path = "/bin/a b\"c", mode = "4755", uid = 1000, gid = 4294967295), spec)
    asserts.equals(env, "755", install("/bin/x", mode = "755").mode)
    asserts.equals(env, "/..a/b..", install("/..a/b..").path)

    # Encoding and decoding give the same struct.
    asserts.equals(env, spec, decode_install(encode_install(spec)))
    return unittest.end(env)

_accepted_test = unittest.make(_accepted_impl)

def install_test_suite(name):
    unittest.suite(name, _accepted_test)
    refusal_tests(name + "_refused", _install_probe, _REFUSED)
