"""How a file goes into an image, as data."""

# The kernel's identifiers have 32 bits.
_MAX_ID = 4294967295

def install(path, mode = "0644", owner = "0:0"):
    """Says where a file goes in an image and what it looks like there.

    Args:
      path: absolute path in the image.
      mode: permission bits in octal, `"0644"` or `"4755"`.
      owner: `UID:GID`, in numbers.

    Returns:
      a struct that `rootfs`, `ext4_partition` and `icos_image` take as the value for a file's label.
    """
    if not path.startswith("/") or path.endswith("/") or "/../" in path + "/":
        fail("install(path = %r): the path must be absolute and name a file, such as \"/opt/ic/bin/replica\"" % path)
    digits = mode[1:] if len(mode) == 4 else mode
    if len(digits) != 3 or [c for c in mode.elems() if c not in "01234567"]:
        fail("install(path = %r, mode = %r): the mode must be three or four octal digits, such as \"0755\"" % (path, mode))
    parts = owner.split(":")
    if len(parts) != 2 or not parts[0].isdigit() or not parts[1].isdigit():
        fail("install(path = %r, owner = %r): the owner must be UID:GID in numbers, such as \"0:0\"" % (path, owner))
    if max(int(parts[0]), int(parts[1])) > _MAX_ID:
        fail("install(path = %r, owner = %r): user and group are at most %d" % (path, owner, _MAX_ID))
    return struct(path = path, mode = mode, uid = int(parts[0]), gid = int(parts[1]))

def encode_install(spec):
    """Turns the struct of `install` into the string that an attribute can carry (macros call this; users do not)."""
    return json.encode(spec)

def decode_install(text):
    """The inverse of `encode_install`, for rule implementations."""
    return struct(**json.decode(text))

def only_file(target, spec):
    """The one file that a target gives for a place in an image.

    Args:
      target: a Target of the attribute that `encode_install` filled.
      spec: the struct of `install`.

    Returns:
      a File, which may be a directory.
    """
    files = target[DefaultInfo].files.to_list()
    if len(files) != 1:
        count = "%d files (%s)" % (len(files), ", ".join([file.basename for file in files[:5]])) if files else "no file"
        fail("%s goes to %s as one file, but gives %s; name a target with one output" % (target.label, spec.path, count))
    return files[0]
