"""A reader of package locks (`*.lock.json`, written by `bazel run //ic-os/locks:update_lock`)."""

LOCK_ATTRS = {
    "lock": attr.label(
        mandatory = True,
        allow_single_file = [".lock.json"],
        doc = "The lock, written by update_lock (see docs/formats/package-lock.md).",
    ),
}

LOCK_VERSION = 1

_PACKAGE_FIELDS = {
    "name": "string",
    "version": "string",
    "architecture": "string",
    "poolPath": "string",
    "sizeBytes": "int",
    "sha256": "string",
    "sets": "list",
}

_HEX_DIGITS = "0123456789abcdef"

def _is_sha256(text):
    return len(text) == 64 and not text.strip(_HEX_DIGITS)

def _package_error(package):
    """Returns the error in one package of a lock, or None."""
    if type(package) != "dict":
        return "a package is not an object"
    for field, kind in _PACKAGE_FIELDS.items():
        if type(package.get(field)) != kind:
            name = package.get("name", "?")
            return "package {}: the field \"{}\" is missing or is not of type {}".format(name, field, kind)
    path = package["poolPath"]
    if not path.startswith("pool/") or ".." in path.split("/") or not path.endswith(".deb"):
        return "package {}: \"{}\" is not the path of a .deb below pool/".format(package["name"], path)
    if not _is_sha256(package["sha256"]):
        return "package {}: \"{}\" is not a SHA-256 digest".format(package["name"], package["sha256"])
    return None

def parse_lock(text, where):
    """Parses a lock.

    Args:
      text: the content of the lock file.
      where: the name of the lock file, for errors.

    Returns:
      struct of `error` (string or None), `packages` (list of struct with name, version,
      architecture, pool_path, file_name, size_bytes, sha256, sets) and `sets` (list of string).
    """

    def failure(error):
        return struct(
            error = "{}: {}. Update the lock: bazel run //ic-os/locks:update_lock".format(where, error),
            packages = [],
            sets = [],
        )

    lock = json.decode(text, None)
    if type(lock) != "dict" or type(lock.get("packages")) != "list" or type(lock.get("requested")) != "dict":
        return failure("this is not a package lock")
    if lock.get("version") != LOCK_VERSION:
        version = lock.get("version")
        return failure("this lock has version {}, but only version {} is supported".format(version, LOCK_VERSION))
    names = {}
    packages = []
    for package in lock["packages"]:
        error = _package_error(package)
        if error:
            return failure(error)
        if package["name"] in names:
            return failure("package {} is listed twice".format(package["name"]))
        names[package["name"]] = True
        packages.append(struct(
            name = package["name"],
            version = package["version"],
            architecture = package["architecture"],
            pool_path = package["poolPath"],
            file_name = package["poolPath"].split("/")[-1],
            size_bytes = package["sizeBytes"],
            sha256 = package["sha256"],
            sets = package["sets"],
        ))
    for name in lock["requested"]:
        if name in names:
            return failure("the set \"{}\" has the name of a package".format(name))
    return struct(error = None, packages = packages, sets = list(lock["requested"]))
