"""The images of a Buildah store, read from its own two lists. Pure.

`buildah images` does not print which layers images share; the lists have that.
Source: containers-storage, images.go and layers.go: `DRIVER-images/images.json`, `DRIVER-layers/layers.json`,
each replaced as a whole.
"""

from __future__ import annotations

import json

from ci.engines.local_store import StoredImage
from ci.names.reference import LOCAL


def store_location(info: str) -> tuple[str, str]:
    """Return the store's root and the name of its driver by what `buildah info` prints."""
    store = json.loads(info)["store"]
    return store["GraphRoot"], store["GraphDriverName"]


def store_lists(info: str) -> tuple[str, str]:
    """Return the paths of both lists by what `buildah info` prints."""
    root, driver = store_location(info)
    return f"{root}/{driver}-images/images.json", f"{root}/{driver}-layers/layers.json"


def stored_images(images: str, layers: str) -> tuple[StoredImage, ...]:
    """Return the images of both lists; names of this machine come without `localhost/`."""
    by_id = {layer["id"]: layer for layer in json.loads(layers or "[]") or []}

    def chain(top: str) -> tuple[tuple[str, int], ...]:
        found: list[tuple[str, int]] = []
        while top in by_id:
            found.append((top, int(by_id[top].get("diff-size") or 0)))
            top = by_id[top].get("parent") or ""
        return tuple(reversed(found))

    return tuple(
        StoredImage(
            id=image["id"],
            names=tuple(name.removeprefix(LOCAL) for name in image.get("names") or ()),
            layers=chain(image.get("layer") or ""),
        )
        for image in json.loads(images or "[]") or []
    )
