"""Downloading the .debs of a lock."""

load("//rules/private:apt_mirrors.bzl", "configured_mirrors")

_UPDATE = "bazel run //ic-os/base:update_lock"

def _urls(mirrors, package):
    return ["{}/{}".format(mirror, package.pool_path) for mirror in mirrors]

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

def _explain_failure(rctx, package, mirrors):
    """Fails with the reason why a package could not be downloaded: gone, cut short, or with other bytes."""
    for url in _urls(mirrors, package):
        probe = "probe.deb"
        result = rctx.download(url = url, output = probe, allow_fail = True)
        if result.success:
            size = _sizes(rctx, [probe])[0]
            rctx.delete(probe)
            if size != package.size_bytes:
                fail(size_message(package, size, url))
            fail(digest_message(package, url, result.sha256))
    fail(vanished_message(package, mirrors))

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
        (package, rctx.download(
            url = _urls(mirrors, package),
            output = "{}/{}".format(directory, package.file_name),
            sha256 = package.sha256,
            allow_fail = True,
            block = False,
        ))
        for package in packages
    ]
    for index, (package, download) in enumerate(pending):
        rctx.report_progress("Downloading packages: {} of {} ({})".format(index + 1, len(pending), package.name))
        if not download.wait().success:
            _explain_failure(rctx, package, mirrors)
    files = ["{}/{}".format(directory, package.file_name) for package in packages]
    for package, size in zip(packages, _sizes(rctx, files)):
        if size != package.size_bytes:
            fail(size_message(package, size, "a mirror, with the right digest,"))
