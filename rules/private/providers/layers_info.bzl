"""The provider of everything that is a root file system."""

LayersInfo = provider(
    doc = "A root file system as an ordered list of layers; later ones hide earlier ones (see docs/formats/layer.md).",
    fields = {
        "layers": "list of File: `*.layer.tar.zst`, the lowest first.",
        "config": "File or None: `*.config.json`, the environment, user, working directory, shell and labels that a Dockerfile on top starts with.",
        "packages": "depset of File: `*.packages.json`, which package each file came with.",
        "components": "depset of File: `*.components.json`, which label each component file came from.",
    },
)
