"""The name of a target that is the same in every repository that uses it."""

def stable_name(label):
    """Gives the name that default identifiers (UUIDs, seeds, salts, serials) are derived from.

    It has no repository part, so that an image keeps its identifiers when its module is used under another name.

    Args:
      label: the target's Label.

    Returns:
      `//package:name`.
    """
    return "//%s:%s" % (label.package, label.name)
