from __future__ import annotations

import json
from pathlib import Path

import pytest

from ci.engines.program.image_layers import LayerError, layers_of

IMAGE = "c" * 64


def store(folder: Path, layers: dict[str, str]) -> Path:
    """Write a store with one image, whose top layer is `top`; `layers` has the parent of each layer."""
    values = {
        "images": [{"id": IMAGE, "layer": "top"}],
        "layers": [{"id": id_, "parent": parent} for id_, parent in layers.items()],
    }
    for name, value in values.items():
        path = folder / f"overlay-{name}/{name}.json"
        path.parent.mkdir()
        path.write_text(json.dumps(value))
    return folder


def test_layers_are_found_from_the_top(tmp_path: Path) -> None:
    found = layers_of(store(tmp_path, {"base": "", "top": "base", "other": ""}), "overlay", IMAGE)
    assert [layer["id"] for layer in found] == ["top", "base"]


@pytest.mark.parametrize(
    ("layers", "image", "said"),
    [
        ({"top": ""}, "d" * 64, "has no image dddddddddddd"),
        ({"top": "base"}, IMAGE, "layer base of image cccccccccccc is not in"),
        ({"top": "base", "base": "top"}, IMAGE, "layer top of image cccccccccccc is based on itself"),
    ],
)
def test_a_store_that_lacks_a_layer_or_has_a_cycle_is_an_error(
    tmp_path: Path, layers: dict[str, str], image: str, said: str
) -> None:
    with pytest.raises(LayerError, match=said):
        layers_of(store(tmp_path, layers), "overlay", image)
