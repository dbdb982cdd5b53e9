"""The images of a Buildah store, read from its own two lists. Pure.

`buildah images` does not print which layers images share; the lists have that.
Source: containers-storage, images.go and layers.go: `DRIVER-images/images.json`, `DRIVER-layers/layers.json`,
each replaced as a whole.
"""

from __future__ import annotations

import json

from ci.engines.local_store import StoredImage
from ci.names.reference import LOCAL


def stored_images(images: str, layers: str) -> tuple[StoredImage, ...]:
    """Return the images of both lists; names of this machine come without `localhost/`."""
    by_id = {layer["id"]: layer for layer in json.loads(layers or "[]") or []}

    def chain(top: str) -> tuple[tuple[str, int], ...]:
        found: list[tuple[str, int]] = []
        seen: set[str] = set()
        while top in by_id and top not in seen:  # a damaged list may have a cycle
            seen.add(top)
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
