"""A repository of unpacked .debs with programs that run in place."""

load("//rules/private:apt_download.bzl", "download_debs")
load("//rules/private:apt_lock.bzl", "LOCK_ATTRS", "parse_lock")

# The attributes of the repository rule and of the tag `apt.root`.
APT_ROOT_ATTRS = LOCK_ATTRS | {
    "commands": attr.string_list(
        doc = """Programs that become executable targets, as paths without a leading slash. They
        must be dynamically linked ELF programs.""",
    ),
    "arguments": attr.string_list_dict(
        doc = """Maps the name of a command to arguments that precede the caller's; `{root}` is
        replaced by the directory.""",
    ),
    "environment": attr.string_dict(
        doc = "Environment variables of all commands; `{root}` is replaced by the directory.",
    ),
    "extra_files": attr.string_dict(
        doc = "Maps the path of an additional file, without a leading slash, to its content.",
    ),
    "exclude": attr.string_list(
        doc = "More paths to leave out, without a leading slash; a component `*` matches every name.",
    ),
}

_DIRECTORY = "debs"
_LOADER = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"

# For a program started through the loader, /proc/self/exe is the loader, so it looks for its data
# beside the loader. Therefore a copy of the loader is in the directory of the programs.
_LOADER_COPY = "usr/bin/.ld.so"
_LIBRARY_PATHS = ["usr/lib/x86_64-linux-gnu"]

# The symbolic links at the root of a Debian system with merged directories.
_MERGED_DIRECTORIES = ["bin", "sbin", "lib", "lib64"]

# Paths that no program reads at run time.
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
    """Quotes a string with double quotes for a POSIX shell.

    It replaces `{root}` by `$root`, the directory of the packages.

    Args:
      value: string.

    Returns:
      string: a word of a POSIX shell.
    """
    for character in ["\\", "\"", "$", "`"]:
        value = value.replace(character, "\\" + character)
    return "\"{}\"".format(value.replace("{root}", "$root"))

def _unpack(rctx, packages):
    """Unpacks the files of all packages into root/."""
    for index, package in enumerate(packages):
        progress = "Unpacking packages: {} of {} ({})"
        rctx.report_progress(progress.format(index + 1, len(packages), package.name))
        members = "members/" + package.name
        rctx.extract("{}/{}".format(_DIRECTORY, package.file_name), members)
        data = [path for path in rctx.path(members).readdir() if path.basename.startswith("data.tar")]
        if len(data) != 1:
            fail("{}: a .deb must have one member data.tar.*, but this one has {}".format(package.file_name, len(data)))
        rctx.extract(data[0], "root")
    rctx.delete("members")
    for name in _MERGED_DIRECTORIES:
        path = rctx.path("root/" + name)
        if path.exists and path.realpath != rctx.path("root/usr/" + name):
            fail(("a package of {} has files in /{}, which merged /usr does not allow; remove the " +
                  "package from the lock, or use a suite with merged /usr").format(rctx.name, name))

def _delete(rctx, pattern):
    """Deletes the paths below root/ that match a pattern. A component `*` matches every name."""
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
        fail(("{}: the packages of the lock {} contain no loader for the commands; " +
              "add libc6: {}").format(rctx.name, rctx.attr.lock, result.stderr.strip()))

def _write_command(rctx, path):
    name = path.split("/")[-1]
    if not rctx.path("root/" + path).exists:
        fail("{}: no package of the lock {} contains the program /{}".format(rctx.name, rctx.attr.lock, path))
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
    for path, content in rctx.attr.extra_files.items():
        rctx.file("root/" + path, content, executable = False)
    if rctx.attr.commands:
        _copy_loader(rctx)
    for path in rctx.attr.commands:
        build += _write_command(rctx, path)
    rctx.file("BUILD.bazel", build)

apt_root = repository_rule(
    implementation = _apt_root_impl,
    doc = """Unpacks the packages of a lock into one directory, without configuring them.

Targets: `:root` (AptRootInfo: all files), each file under its own path (`:root/usr/share/...`), and
for each command an executable with its name, which runs in place with the packages' own loader and
libraries.""",
    attrs = APT_ROOT_ATTRS | {
        "_wrapper": attr.label(default = "//rules/private:apt_command.sh.tpl", allow_single_file = True),
    },
)
