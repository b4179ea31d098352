"""Tests of the errors of `icos_variant`."""

load("//rules:defs.bzl", "icos_os", "icos_variant")
load(":refusal.bzl", "refusal_tests")

_OS = icos_os(name = "guestos", variants = {"prod": {}, "dev": {}})

_OTHER_OS = icos_os(
    name = "other",
    base = "",
    boot_args_template = "",
    boot_size = "",
    initrd = "",
    layout = "",
    partitions = {},
    root_size = "",
    variants = {"xfs": {"root_file_system": "xfs"}},
    version = "",
)

# An error in a macro would fail the whole package. In a rule, it fails only one target.
_variant_probe = rule(
    implementation = lambda ctx: icos_variant(name = ctx.attr.variant, os = _OTHER_OS if ctx.attr.other else _OS),
    attrs = {"other": attr.bool(), "variant": attr.string(mandatory = True)},
)

def variant_test_suite(name):
    refusal_tests(name, _variant_probe, {
        "unknown": (
            dict(variant = "staging"),
            ["guestos has no variant \"staging\"; its variants are dev, prod"],
        ),
        "root_file_system": (
            dict(other = True, variant = "xfs"),
            ["xfs: root_file_system is \"xfs\"; supported are erofs, ext4"],
        ),
    })
