"""Tests of the parsers of mirrors: the variable and the two formats of apt."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load(
    "//rules/private:apt_mirrors.bzl",
    "mirrors_of_deb822_sources",
    "mirrors_of_one_line_sources",
    "mirrors_of_variable",
    "web_addresses",
)

_ONE_LINE = {
    "deb http://a/debian trixie main": ["http://a/debian"],
    "  deb\thttp://a/debian\ttrixie main contrib # why": ["http://a/debian"],
    "deb [arch=amd64 signed-by=/k.gpg] http://a/debian/ trixie main": ["http://a/debian/"],
    "deb [ arch=amd64 ] http://a/debian ./": ["http://a/debian"],
    "deb-src http://a/debian trixie main": [],
    "# deb http://a/debian trixie main": [],
    "debug http://a/debian trixie main": [],
    "deb": [],
    "": [],
    "deb http://a/debian trixie main\ndeb https://b/debian trixie main": ["http://a/debian", "https://b/debian"],
}

_DEB822 = {
    "Types: deb\nURIs: http://a/debian\nSuites: trixie": ["http://a/debian"],
    "types: deb deb-src\nuris: http://a/debian http://b/debian": ["http://a/debian", "http://b/debian"],
    "Types: deb\nURIs:\n http://a/debian\n http://b/debian\nSuites: trixie": ["http://a/debian", "http://b/debian"],
    "Types: deb\nURIs:\n http://a/debian\n# not this one\n http://b/debian": ["http://a/debian", "http://b/debian"],
    "Types: deb-src\nURIs: http://a/debian": [],
    "Types: deb\nURIs: http://a/debian\nEnabled: no": [],
    "Types: deb\nURIs: http://a/debian\nEnabled: yes": ["http://a/debian"],
    "Types: deb\nURIs: http://a/debian\n\n\nTypes: deb\nURIs: http://b/debian": ["http://a/debian", "http://b/debian"],
    "": [],
}

def _one_line_impl(ctx):
    env = unittest.begin(ctx)
    for text, mirrors in _ONE_LINE.items():
        asserts.equals(env, mirrors, mirrors_of_one_line_sources(text), text)
    return unittest.end(env)

def _deb822_impl(ctx):
    env = unittest.begin(ctx)
    for text, mirrors in _DEB822.items():
        asserts.equals(env, mirrors, mirrors_of_deb822_sources(text), text)
    return unittest.end(env)

def _variable_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, [], mirrors_of_variable(""))
    asserts.equals(env, ["http://a/d", "http://b/d"], mirrors_of_variable(" http://a/d  http://b/d "))
    asserts.equals(env, ["http://a/d", "http://b/d"], mirrors_of_variable("http://a/d,http://b/d"))
    return unittest.end(env)

def _web_addresses_impl(ctx):
    env = unittest.begin(ctx)
    mirrors = ["cdrom:[Debian]/", "http://a/debian/", "https://b/debian", "http://a/debian", "file:/srv/debian"]
    asserts.equals(env, ["http://a/debian", "https://b/debian"], web_addresses(mirrors))
    return unittest.end(env)

_one_line_test = unittest.make(_one_line_impl)
_deb822_test = unittest.make(_deb822_impl)
_variable_test = unittest.make(_variable_impl)
_web_addresses_test = unittest.make(_web_addresses_impl)

def mirrors_test_suite(name):
    unittest.suite(name, _one_line_test, _deb822_test, _variable_test, _web_addresses_test)
