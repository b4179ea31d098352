"""Tests of the parser of locks."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/private:apt_lock.bzl", "parse_lock")

_PACKAGE = {
    "name": "jq",
    "version": "1.7.1-6",
    "architecture": "amd64",
    "source": "jq",
    "poolPath": "pool/main/j/jq/jq_1.7.1-6_amd64.deb",
    "sizeBytes": 77000,
    "sha256": "0123456789abcdef" * 4,
    "sets": ["common", "dev"],
}

def _lock(packages = [_PACKAGE], version = 1, requested = {"common": ["jq"], "dev": []}):
    return json.encode({"version": version, "requested": requested, "packages": packages})

# Each invalid lock, and a text that its error must contain.
_REFUSED = [
    ("", "is not a package lock"),
    ("[]", "is not a package lock"),
    ("{\"version\": 1}", "is not a package lock"),
    (_lock(version = 2), "has version 2"),
    (_lock([_PACKAGE, _PACKAGE]), "package jq is listed twice"),
    (_lock(["jq"]), "a package is not an object"),
    (_lock([_PACKAGE | {"sizeBytes": "77000"}]), "package jq: the field \"sizeBytes\""),
    (_lock([{"name": "jq"}]), "package jq: the field \"version\""),
    (_lock([_PACKAGE | {"poolPath": "pool/../../etc/jq.deb"}]), "is not the path of a .deb below pool/"),
    (_lock([_PACKAGE | {"poolPath": "http://host/pool/jq.deb"}]), "is not the path of a .deb below pool/"),
    (_lock([_PACKAGE | {"poolPath": "pool/main/j/jq"}]), "is not the path of a .deb below pool/"),
    (_lock([_PACKAGE | {"sha256": "0123"}]), "is not a SHA-256 digest"),
    (_lock([_PACKAGE | {"sha256": "x" * 64}]), "is not a SHA-256 digest"),
    (_lock(requested = {"jq": ["jq"]}), "the set \"jq\" has the name of a package"),
]

def _accepted_impl(ctx):
    env = unittest.begin(ctx)
    lock = parse_lock(_lock(), "x.lock.json")
    asserts.equals(env, None, lock.error)
    asserts.equals(env, ["common", "dev"], lock.sets)
    asserts.equals(env, 1, len(lock.packages))
    package = lock.packages[0]
    asserts.equals(env, "jq_1.7.1-6_amd64.deb", package.file_name)
    asserts.equals(env, 77000, package.size_bytes)
    asserts.equals(env, ["common", "dev"], package.sets)
    return unittest.end(env)

def _refused_impl(ctx):
    env = unittest.begin(ctx)
    for text, words in _REFUSED:
        lock = parse_lock(text, "x.lock.json")
        error = lock.error or "(none)"
        asserts.true(env, words in error, "\"{}\" is not in: {}".format(words, error))
        asserts.true(env, error.startswith("x.lock.json: "), error)
        asserts.true(env, "update_lock" in error, error)
        asserts.equals(env, [], lock.packages)
    return unittest.end(env)

_accepted_test = unittest.make(_accepted_impl)
_refused_test = unittest.make(_refused_impl)

def lock_test_suite(name):
    unittest.suite(name, _accepted_test, _refused_test)
