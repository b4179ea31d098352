"""The mirrors of Debian packages, from ICOS_APT_MIRRORS or from the host's apt configuration."""

MIRRORS_VARIABLE = "ICOS_APT_MIRRORS"

_SOURCES_LIST = "/etc/apt/sources.list"
_SOURCES_PARTS = "/etc/apt/sources.list.d"
_NO = ["no", "false", "off", "disable", "without", "0"]

def _words(text):
    return [word for word in text.replace("\t", " ").replace("\n", " ").replace(",", " ").split(" ") if word]

def _without_comment(line):
    return line.split("#")[0]

def mirrors_of_variable(value):
    """Returns the mirrors in the variable, which are separated by spaces or commas."""
    return _words(value)

def mirrors_of_one_line_sources(text):
    """Returns the addresses in a one-line-style file.

    Its lines have the form `deb [option=value ...] URI suite component ...`.

    Args:
      text: the content of the file.

    Returns:
      list of string.
    """
    mirrors = []
    for line in text.split("\n"):
        line = _without_comment(line).strip()
        if not line.startswith("deb ") and not line.startswith("deb\t"):
            continue
        rest = line[len("deb"):].strip()
        if rest.startswith("["):
            rest = rest.partition("]")[2]
        words = _words(rest)
        if len(words) >= 2:
            mirrors.append(words[0])
    return mirrors

def _deb822_paragraphs(text):
    """Returns one dict per paragraph: lower-case field name to value.

    Continuation lines are joined with spaces.
    """
    paragraphs = [{}]
    field = None
    for line in text.split("\n"):
        if line.startswith("#"):
            continue
        if not line.strip():
            paragraphs.append({})
            field = None
        elif line[0] in " \t":
            if field:
                paragraphs[-1][field] += " " + line.strip()
        else:
            name, _, value = line.partition(":")
            field = name.strip().lower()
            paragraphs[-1][field] = value.strip()
    return paragraphs

def mirrors_of_deb822_sources(text):
    """Returns the addresses in a deb822-style file.

    Paragraphs that are disabled or without binary packages are skipped.

    Args:
      text: the content of the file.

    Returns:
      list of string.
    """
    mirrors = []
    for paragraph in _deb822_paragraphs(text):
        if paragraph.get("enabled", "yes").lower() in _NO or "deb" not in _words(paragraph.get("types", "")):
            continue
        mirrors.extend(_words(paragraph.get("uris", "")))
    return mirrors

def web_addresses(mirrors):
    """Returns the HTTP and HTTPS mirrors, without duplicates and without trailing slashes.

    Args:
      mirrors: list of string: base addresses with any scheme.

    Returns:
      list of string.
    """
    found = {}
    for mirror in mirrors:
        if mirror.startswith("http://") or mirror.startswith("https://"):
            found[mirror.rstrip("/")] = True
    return list(found)

def configured_mirrors(rctx):
    """Returns the mirrors to try, in order. Fails if there are none.

    Bazel does not watch the variable and the host's files: a lock pins the bytes, so another mirror
    gives the same repository and is not a reason to fetch it again.

    Args:
      rctx: the context of a repository rule.

    Returns:
      list of string: base addresses.
    """
    mirrors = mirrors_of_variable(rctx.os.environ.get(MIRRORS_VARIABLE, ""))
    if not mirrors:
        mirrors = _host_mirrors(rctx)
    mirrors = web_addresses(mirrors)
    if not mirrors:
        fail(("No mirror of Debian packages is configured for {}. Set one or more with " +
              "--repo_env={}=\"http://HOST/debian ...\" (in user.bazelrc: common --repo_env=...), " +
              "or configure apt on the host in {}.").format(rctx.name, MIRRORS_VARIABLE, _SOURCES_PARTS))
    return mirrors

def _host_mirrors(rctx):
    files = [rctx.path(_SOURCES_LIST)]
    parts = rctx.path(_SOURCES_PARTS)
    if parts.exists:
        files.extend(sorted(parts.readdir(watch = "no"), key = lambda path: path.basename))
    mirrors = []
    for file in files:
        if not file.exists or file.is_dir:
            continue
        if file.basename.endswith(".list"):
            mirrors.extend(mirrors_of_one_line_sources(rctx.read(file, watch = "no")))
        elif file.basename.endswith(".sources"):
            mirrors.extend(mirrors_of_deb822_sources(rctx.read(file, watch = "no")))
    return mirrors
