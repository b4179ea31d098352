"""Downloads of the .debs of a lock."""

load("//rules/private:apt_mirrors.bzl", "configured_mirrors")

_UPDATE = "bazel run //ic-os/locks:update_lock"

def _urls(mirrors, package):
    return ["{}/{}".format(mirror, package.pool_path) for mirror in mirrors]

def _file(directory, package):
    return "{}/{}".format(directory, package.file_name)

def _message(template, package, **fields):
    return template.format(name = package.name, version = package.version, update = _UPDATE, **fields)

def vanished_message(package, mirrors):
    """Returns the error for a package that no mirror has."""
    return _message(
        "No mirror has {name} {version} any more, or no mirror can be reached. Tried {path} on: {mirrors}. " +
        "A mirror removes a version when a newer one is released: pin the newer one with `{update}`, " +
        "or add a mirror that keeps old versions with --repo_env=ICOS_APT_MIRRORS.",
        package,
        path = package.pool_path,
        mirrors = " ".join(mirrors),
    )

def digest_message(package, url, actual):
    """Returns the error for a package with a wrong SHA-256 digest."""
    return _message(
        "{name} {version} from {url} is not the file that the lock pins: expected SHA-256 {expected}, got {actual}. " +
        "The mirror, or a proxy on the way to it, changes files: use another mirror (--repo_env=ICOS_APT_MIRRORS).",
        package,
        url = url,
        expected = package.sha256,
        actual = actual,
    )

def size_message(package, actual, where):
    """Returns the error for a package with a wrong size."""
    return _message(
        "{name} {version} from {where} has the wrong size: expected {expected} bytes, got {actual}. " +
        "Download it again; if the size stays the same, update the lock with `{update}`.",
        package,
        where = where,
        expected = package.size_bytes,
        actual = actual,
    )

def _wrong_bytes_message(rctx, package, file, url):
    """Returns the error for a downloaded file that is truncated or changed."""
    size = _sizes(rctx, [file])[0]
    if size != package.size_bytes:
        return size_message(package, size, url)
    result = rctx.execute(["sha256sum", file])
    if result.return_code:
        fail("sha256sum failed: {}".format(result.stderr))
    return digest_message(package, url, result.stdout.split(" ")[0])

def _download_from_one(rctx, package, mirrors, file):
    """Tries one mirror after the other, and fails with the error of the first bad file.

    Each attempt has its own file name. Bazel keeps a file with a wrong digest: that distinguishes a
    mirror with a bad file from a mirror without the file.
    """
    messages = []
    for index, url in enumerate(_urls(mirrors, package)):
        attempt = "{}.{}".format(file, index)
        if rctx.download(url = url, output = attempt, sha256 = package.sha256, allow_fail = True).success:
            rctx.symlink(attempt, file)
            return
        if rctx.path(attempt).exists:
            messages.append(_wrong_bytes_message(rctx, package, attempt, url))
    fail(messages[0] if messages else vanished_message(package, mirrors))

def _sizes(rctx, files):
    """Returns the size of each file in bytes."""
    result = rctx.execute(["wc", "-c"] + files)
    if result.return_code:
        fail("wc failed: {}".format(result.stderr))
    return [int(line.strip().partition(" ")[0]) for line in result.stdout.split("\n")[:len(files)]]

def download_debs(rctx, packages, directory):
    """Downloads packages in parallel and checks their digests and sizes.

    It fails with the error of the first bad package.

    Args:
      rctx: the context of a repository rule.
      packages: list of struct: `packages` of `parse_lock`.
      directory: the directory for the files. Each file keeps its name in the mirror's pool.
    """
    mirrors = configured_mirrors(rctx)
    pending = [
        (package, _file(directory, package), rctx.download(
            url = _urls(mirrors, package),
            output = _file(directory, package),
            sha256 = package.sha256,
            allow_fail = True,
            block = False,
        ))
        for package in packages
    ]
    for index, (package, file, download) in enumerate(pending):
        rctx.report_progress("Downloading packages: {} of {} ({})".format(index + 1, len(pending), package.name))
        if not download.wait().success:
            rctx.delete(file)
            _download_from_one(rctx, package, mirrors, file)
    files = [_file(directory, package) for package in packages]
    for package, size in zip(packages, _sizes(rctx, files)):
        if size != package.size_bytes:
            fail(size_message(package, size, "a mirror (with the right digest)"))
