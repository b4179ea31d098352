"""Downloading the .debs of a lock."""

load("//rules/private:apt_mirrors.bzl", "configured_mirrors")

_UPDATE = "bazel run //ic-os/locks:update_lock"

def _urls(mirrors, package):
    return ["{}/{}".format(mirror, package.pool_path) for mirror in mirrors]

def _file(directory, package):
    return "{}/{}".format(directory, package.file_name)

def vanished_message(package, mirrors):
    """The error for a package that no mirror gives."""
    return ("No mirror has {name} {version} any more, or none can be reached. Tried {path} below: {mirrors}. " +
            "A mirror drops a version when a newer one comes out: pin the present one with `{update}`, " +
            "or add a mirror that keeps old versions with --repo_env=ICOS_APT_MIRRORS.").format(
        name = package.name,
        version = package.version,
        path = package.pool_path,
        mirrors = " ".join(mirrors),
        update = _UPDATE,
    )

def digest_message(package, url, actual):
    """The error for a package whose bytes are not the pinned ones."""
    return ("{name} {version} from {url} is not what the lock pins: expected SHA-256 {expected}, got {actual}. " +
            "The mirror or something on the way to it changes files: use another mirror (--repo_env=ICOS_APT_MIRRORS).").format(
        name = package.name,
        version = package.version,
        url = url,
        expected = package.sha256,
        actual = actual,
    )

def size_message(package, actual, where):
    """The error for a package of another size than the lock says."""
    return ("{name} {version} from {where} has a wrong size: expected {expected} bytes, got {actual}. " +
            "Download again; if the size stays, make the lock anew with `{update}`.").format(
        name = package.name,
        version = package.version,
        where = where,
        expected = package.size_bytes,
        actual = actual,
        update = _UPDATE,
    )

def _wrong_bytes_message(rctx, package, file, url):
    """The error for a file that was downloaded and is not what the lock pins: cut short, or changed."""
    size = _sizes(rctx, [file])[0]
    if size != package.size_bytes:
        return size_message(package, size, url)
    result = rctx.execute(["sha256sum", file])
    if result.return_code:
        fail("sha256sum failed: {}".format(result.stderr))
    return digest_message(package, url, result.stdout.split(" ")[0])

def _download_from_one(rctx, package, mirrors, file):
    """Tries the mirrors one by one, each with a file of its own, and fails with what is wrong with the first bad file.

    Bazel leaves a file with a wrong digest where it is, which tells such a mirror from one that has no file.
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
    """The size of each file in bytes."""
    result = rctx.execute(["wc", "-c"] + files)
    if result.return_code:
        fail("wc failed: {}".format(result.stderr))
    return [int(line.strip().partition(" ")[0]) for line in result.stdout.split("\n")[:len(files)]]

def download_debs(rctx, packages, directory):
    """Downloads packages side by side and checks their digests and sizes; fails with one clear error.

    Args:
      rctx: the context of a repository rule.
      packages: list of struct, see `parse_lock`.
      directory: where the files go; each keeps the name that it has in the mirror's pool.
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
            fail(size_message(package, size, "a mirror, with the right digest,"))
