"""The provider of a root file system."""

LayersInfo = provider(
    doc = """A root file system as an ordered list of layers.

    A later layer hides an earlier one. See docs/formats/layer.md.""",
    fields = {
        "layers": "list of File: `*.layer.tar.zst`, the lowest first.",
        "config": """File or None: `*.config.json`, the environment, user, working directory, shell
        and labels that a Dockerfile on top starts with.""",
        "packages": "depset of File: `*.packages.json`, the package of each file.",
        "components": "depset of File: `*.components.json`, the label of each component file.",
    },
)
