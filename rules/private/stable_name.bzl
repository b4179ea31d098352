"""A target's name that is the same in every repository that uses the target."""

def stable_name(label):
    """Returns the name from which default UUIDs, seeds, salts and serial numbers are derived.

    The name has no repository part, so an image keeps its identifiers if its module is used under
    another name.

    Args:
      label: a Label, the target's.

    Returns:
      `//package:name`.
    """
    return "//%s:%s" % (label.package, label.name)
