"""The layers of an image, by a store's own two lists. Standard library only.

Source: containers/storage: `DRIVER-images/images.json`, `DRIVER-layers/layers.json`.
"""

import json
from pathlib import Path
from typing import Any


class LayerError(Exception):
    """A layer is not what the store says of it."""


def layers_of(root: Path, driver: str, image: str) -> list[dict[str, Any]]:
    """Return the entries of an image's layers in the store at `root`, the top one first.

    Raises:
        LayerError: the image, or a layer of it, is not there, or its layers have no end.
    """
    images = json.loads((root / f"{driver}-images/images.json").read_text())
    layers = {layer["id"]: layer for layer in json.loads((root / f"{driver}-layers/layers.json").read_text())}
    found: dict[str, dict[str, Any]] = {}
    layer = next((str(one.get("layer") or "") for one in images if one["id"] == image), None)
    if layer is None:
        raise LayerError(f"{root} has no image {image[:12]}")
    while layer:
        if layer not in layers:
            raise LayerError(f"layer {layer[:12]} of image {image[:12]} is not in {root}")
        if layer in found:
            raise LayerError(f"layer {layer[:12]} of image {image[:12]} is based on itself")
        found[layer] = layers[layer]
        layer = str(layers[layer].get("parent") or "")
    return list(found.values())
