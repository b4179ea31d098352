"""Tests that the error of each failed download names the package and a remedy."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/private:apt_download.bzl", "digest_message", "size_message", "vanished_message")

_PACKAGE = struct(name = "jq", version = "1.7.1-6", pool_path = "pool/j/jq.deb", sha256 = "feed", size_bytes = 10)

# Each error, and texts that it must contain.
_MESSAGES = [
    (
        vanished_message(_PACKAGE, ["http://a/d", "http://b/d"]),
        ["jq 1.7.1-6", "pool/j/jq.deb", "http://a/d http://b/d", "update_lock", "ICOS_APT_MIRRORS"],
    ),
    (digest_message(_PACKAGE, "http://a/d/x", "beef"), ["jq 1.7.1-6", "http://a/d/x", "feed", "beef", "another mirror"]),
    (size_message(_PACKAGE, 7, "http://a/d/x"), ["jq 1.7.1-6", "http://a/d/x", "10 bytes", "got 7"]),
]

def _messages_impl(ctx):
    env = unittest.begin(ctx)
    for message, words in _MESSAGES:
        asserts.false(env, "\n" in message, message)
        for word in words:
            asserts.true(env, word in message, "\"{}\" is not in: {}".format(word, message))
    return unittest.end(env)

_messages_test = unittest.make(_messages_impl)

def download_test_suite(name):
    unittest.suite(name, _messages_test)
