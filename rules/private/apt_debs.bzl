"""A repository with the .debs of a lock."""

load("//rules/private:apt_download.bzl", "download_debs")
load("//rules/private:apt_lock.bzl", "LOCK_ATTRS", "parse_lock")

_DIRECTORY = "debs"

def debs_build_file(packages, sets):
    """Returns the BUILD file: one filegroup per package and one per set.

    Args:
      packages: list of struct: `packages` of `parse_lock`.
      sets: list of string: `sets` of `parse_lock`.

    Returns:
      string.
    """
    groups = [(package.name, [package]) for package in packages]
    groups += [(name, [package for package in packages if name in package.sets]) for name in sets]
    lines = ["package(default_visibility = [\"//visibility:public\"])"]
    for name, members in groups:
        lines.append("\nfilegroup(\n    name = \"{}\",\n    srcs = [".format(name))
        lines.extend(["        \"{}/{}\",".format(_DIRECTORY, package.file_name) for package in members])
        lines.append("    ],\n)")
    return "\n".join(lines) + "\n"

def _apt_debs_impl(rctx):
    lock = parse_lock(rctx.read(rctx.attr.lock), str(rctx.attr.lock))
    if lock.error:
        fail(lock.error)
    download_debs(rctx, lock.packages, _DIRECTORY)
    rctx.file("BUILD.bazel", debs_build_file(lock.packages, lock.sets))

apt_debs = repository_rule(
    implementation = _apt_debs_impl,
    doc = """Downloads the .debs of a lock.

The repository has one `filegroup` per set of the lock, and one per package.""",
    attrs = LOCK_ATTRS,
)
