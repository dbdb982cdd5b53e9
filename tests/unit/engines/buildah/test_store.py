"""A store's own lists, read."""

from __future__ import annotations

import json

from ci.engines.buildah.store import stored_images
from ci.engines.local_store import StoredImage

IMAGES = [
    {"id": "i1", "names": ["localhost/dw/base:cpu", "docker.io/library/x:1"], "layer": "l2"},
    {"id": "i2", "layer": "l1"},
    {"id": "i3"},
]
LAYERS = [{"id": "l1", "diff-size": 100}, {"id": "l2", "parent": "l1", "diff-size": 7}]


def test_an_image_has_the_layers_below_its_topmost_from_the_lowest_up() -> None:
    assert stored_images(json.dumps(IMAGES), json.dumps(LAYERS)) == (
        StoredImage(id="i1", names=("dw/base:cpu", "docker.io/library/x:1"), layers=(("l1", 100), ("l2", 7))),
        StoredImage(id="i2", layers=(("l1", 100),)),
        StoredImage(id="i3"),
    )


def test_an_empty_store_has_no_image() -> None:
    assert stored_images("", "") == ()
    assert stored_images("null", "[]") == ()
