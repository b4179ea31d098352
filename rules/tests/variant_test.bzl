"""Variants of an operating system."""

load("//rules:defs.bzl", "icos_os", "icos_variant")
load(":refusal.bzl", "refusal_tests")

_OS = icos_os(name = "guestos", variants = {"prod": {}, "dev": {}})

# A macro that fails would fail for the whole package: here it fails for one target.
_variant_probe = rule(
    implementation = lambda ctx: icos_variant(name = ctx.attr.variant, os = _OS),
    attrs = {"variant": attr.string(mandatory = True)},
)

def variant_test_suite(name):
    refusal_tests(name, _variant_probe, {
        "unknown": (
            dict(variant = "staging"),
            ["guestos has no variant \"staging\"; it has dev, prod"],
        ),
    })
