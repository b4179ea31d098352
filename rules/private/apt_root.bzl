"""A repository of unpacked .debs, whose programs run in place."""

load("//rules/private:apt_download.bzl", "download_debs")
load("//rules/private:apt_lock.bzl", "parse_lock")

_DIRECTORY = "debs"
_LOADER = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"

# A program that runs through the loader takes the loader's file for its own, and looks for its data beside that: the
# loader has to stand where programs stand.
_LOADER_COPY = "usr/bin/.ld.so"
_LIBRARY_PATHS = ["usr/lib/x86_64-linux-gnu"]

# The links that a Debian system has at its root since its directories were merged.
_MERGED_DIRECTORIES = ["bin", "sbin", "lib", "lib64"]

# What no program reads when it runs.
_UNUSED = [
    "usr/include",
    "usr/share/bash-completion",
    "usr/share/bug",
    "usr/share/doc",
    "usr/share/doc-base",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/menu",
    "usr/share/zsh",
    "var",
]

_BUILD = """load("{rules}", "apt_root_command", "apt_root_files")

package(default_visibility = ["//visibility:public"])

exports_files(glob(["root/**", "bin/*"]))

apt_root_files(
    name = "root",
    srcs = glob(["root/**"]),
    directory = "root",
)
"""

_COMMAND = """
apt_root_command(
    name = "{name}",
    directory = "bin",
    root = ":root",
    wrapper = "bin/{name}",
)
"""

def quote_for_shell(value):
    """A word in double quotes, in which `{root}` stands for the directory of the packages.

    Args:
      value: string.

    Returns:
      string, a word of a POSIX shell.
    """
    for character in ["\\", "\"", "$", "`"]:
        value = value.replace(character, "\\" + character)
    return "\"{}\"".format(value.replace("{root}", "$root"))

def _unpack(rctx, packages):
    """Unpacks every package's files into root/."""
    for index, package in enumerate(packages):
        rctx.report_progress("Unpacking packages: {} of {} ({})".format(index + 1, len(packages), package.name))
        members = "members/" + package.name
        rctx.extract("{}/{}".format(_DIRECTORY, package.file_name), members)
        data = [path for path in rctx.path(members).readdir() if path.basename.startswith("data.tar")]
        if len(data) != 1:
            fail("{}: a .deb has one member data.tar.*, and this one has {}".format(package.file_name, len(data)))
        rctx.extract(data[0], "root")
    rctx.delete("members")
    for name in _MERGED_DIRECTORIES:
        path = rctx.path("root/" + name)
        if path.exists and path.realpath != rctx.path("root/usr/" + name):
            fail("A package of {} has files in /{}; packages for systems with merged directories have none".format(rctx.name, name))

def _delete(rctx, pattern):
    """Deletes the paths below root/ that a pattern names; a component `*` stands for every name."""
    paths = [rctx.path("root")]
    for component in pattern.split("/"):
        if component == "*":
            paths = [child for path in paths if path.is_dir for child in path.readdir()]
        else:
            paths = [path.get_child(component) for path in paths]
    for path in paths:
        rctx.delete(path)

def _copy_loader(rctx):
    result = rctx.execute(["cp", "root/" + _LOADER, "root/" + _LOADER_COPY])
    if result.return_code:
        fail("{}: the lock {} has no loader for its commands; add libc6: {}".format(rctx.name, rctx.attr.lock, result.stderr.strip()))

def _write_command(rctx, path):
    name = path.split("/")[-1]
    if not rctx.path("root/" + path).exists:
        fail("{}: no package of the lock {} has the program /{}".format(rctx.name, rctx.attr.lock, path))
    arguments = [quote_for_shell(argument) + " " for argument in rctx.attr.arguments.get(name, [])]
    environment = [
        "{0}={1}\nexport {0}\n".format(variable, quote_for_shell(value))
        for variable, value in rctx.attr.environment.items()
    ]
    rctx.template("bin/" + name, rctx.attr._wrapper, executable = True, substitutions = {
        "%{ARGUMENTS}%": "".join(arguments),
        "%{ENVIRONMENT}%": "".join(environment),
        "%{LIBRARIES}%": ":".join(["$root/" + directory for directory in _LIBRARY_PATHS]),
        "%{LOADER}%": _LOADER_COPY,
        "%{NAME}%": name,
        "%{PATH}%": path,
        "%{REPOSITORY}%": rctx.name,
    })
    return _COMMAND.format(name = name)

def _apt_root_impl(rctx):
    lock = parse_lock(rctx.read(rctx.attr.lock), str(rctx.attr.lock))
    if lock.error:
        fail(lock.error)
    download_debs(rctx, lock.packages, _DIRECTORY)
    _unpack(rctx, lock.packages)
    rctx.delete(_DIRECTORY)
    for path in _UNUSED + rctx.attr.exclude:
        _delete(rctx, path)
    build = _BUILD.format(rules = str(Label("//rules/private:apt_root_files.bzl")))
    for path, content in rctx.attr.files.items():
        rctx.file("root/" + path, content, executable = False)
    if rctx.attr.commands:
        _copy_loader(rctx)
    for path in rctx.attr.commands:
        build += _write_command(rctx, path)
    rctx.file("BUILD.bazel", build)

apt_root = repository_rule(
    implementation = _apt_root_impl,
    doc = """The packages of a lock, unpacked into one directory; nothing is configured.

Targets: `:root` (AptRootInfo; every file), each file under its own path (`:root/usr/share/...`), and for each command
an executable of its name that runs in place with the packages' own loader and libraries.""",
    attrs = {
        "lock": attr.label(mandatory = True, allow_single_file = [".lock.json"], doc = "The lock (see docs/formats/package-lock.md)."),
        "commands": attr.string_list(doc = "Programs to make executables for, as paths without a leading slash. ELF programs, linked dynamically."),
        "arguments": attr.string_list_dict(doc = "Arguments that go before the caller's, for each command's name; `{root}` stands for the directory."),
        "environment": attr.string_dict(doc = "Environment of every command; `{root}` stands for the directory."),
        "files": attr.string_dict(doc = "More files, as paths without a leading slash, and their content."),
        "exclude": attr.string_list(doc = "More paths to leave out, without a leading slash; a component `*` stands for every name."),
        "_wrapper": attr.label(default = "//rules/private:apt_command.sh.tpl", allow_single_file = True),
    },
)
