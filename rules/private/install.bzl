"""Where a file is installed in an image, as data."""

# The kernel's identifiers have 32 bits.
_MAX_ID = 4294967295

def install(path, mode = "0644", owner = "0:0"):
    """Describes where a file is installed in an image, and with which mode and owner.

    Args:
      path: absolute path in the image.
      mode: permission bits in octal, `"0644"` or `"4755"`.
      owner: `UID:GID`, both numeric.

    Returns:
      a struct: the value for the file's label in `rootfs`, `initramfs` and `icos_image`.
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
    """Encodes the struct of `install` as a string for an attribute. Only macros call this."""
    return json.encode(spec)

def decode_install(text):
    """Decodes the string of `encode_install`. Rule implementations call this."""
    return struct(**json.decode(text))

def only_file(target, spec):
    """Returns the only output of a target that is installed as one file.

    Args:
      target: a Target, a key of the dict of files.
      spec: the struct of `install`, the target's value in the dict.

    Returns:
      a File, which can be a directory.
    """
    files = target[DefaultInfo].files.to_list()
    if len(files) != 1:
        names = ", ".join([file.basename for file in files[:5]])
        count = "%d output files (%s)" % (len(files), names) if files else "no output file"
        fail("%s is installed as %s, but has %s; use a target with one output file" % (target.label, spec.path, count))
    return files[0]
