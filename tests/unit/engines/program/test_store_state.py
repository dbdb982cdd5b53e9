"""The state of a store whose files were damaged: errors of its lists or of images, and no exception."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ci.engines.program import store_state as program
from ci.engines.program.store_state import store_state
from ci.engines.store_state import damaged_store, parse_store_state

TOP, BASE, IMAGE = "b" * 64, "a" * 64, "c" * 64
LISTS = ("overlay-images/images.json", "overlay-layers/layers.json", "overlay-containers/containers.json")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one image of two layers."""
    monkeypatch.setattr(program, "layer_stamp", lambda folder: f"1 {folder.name}")
    images = [{"id": IMAGE, "names": ["x:1"], "layer": TOP, "big-data-digests": {"manifest": "sha256:0"}}]
    layers: list[dict[str, Any]] = [
        {"id": BASE, "diff-digest": "0"},
        {"id": TOP, "parent": BASE, "diff-digest": "1"},
    ]
    containers = [{"id": "d" * 64, "names": ["c"], "image": "", "layer": TOP}]
    for name, value in zip(LISTS, (images, layers, containers), strict=True):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(json.dumps(value))
    (tmp_path / "overlay/l").mkdir(parents=True)
    for layer in (BASE, TOP):
        (tmp_path / "overlay" / layer / "diff").mkdir(parents=True)
        (tmp_path / "overlay" / layer / "link").write_text(layer[:26])
        (tmp_path / "overlay/l" / layer[:26]).symlink_to(f"../{layer}/diff")
    (tmp_path / "overlay" / TOP / "lower").write_text(f"l/{BASE[:26]}")
    (tmp_path / "overlay-images" / IMAGE).mkdir()
    (tmp_path / "overlay-images" / IMAGE / "manifest").write_text("{}")
    return tmp_path


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: os.truncate(path, max(path.stat().st_size // 2, 1)),
    "zeros": lambda path: path.write_bytes(bytes(100)),
    "nested": lambda path: path.write_text("[" * 200_000),
    "an object": lambda path: path.write_text('{"id": "a"}'),
    "other entries": lambda path: path.write_text('[1, null, {"id": "../../etc"}]'),
    "other types": lambda path: path.write_text(f'[{{"id": "{TOP}", "layer": 1, "names": {{"a": 1}}}}]'),
    "a folder": lambda path: replaced(path, Path.mkdir),
    "a pipe": lambda path: replaced(path, os.mkfifo),
    "a loop": lambda path: replaced(path, lambda place: place.symlink_to(place.name)),
    "endless": lambda path: replaced(path, lambda place: place.symlink_to("/dev/zero")),
}


def test_a_healthy_store_has_no_error(root: Path) -> None:
    found = parse_store_state(str(root), json.dumps(store_state(root, "overlay", [IMAGE])))
    assert (found.errors, found.broken, found.chains) == ((), {}, {IMAGE: (BASE, TOP)})


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", LISTS)
def test_a_damaged_list_is_one_error_with_what_to_type(name: str, damage: str, root: Path) -> None:
    DAMAGES[damage](root / name)
    found = parse_store_state(str(root), json.dumps(store_state(root, "overlay", [IMAGE])))
    (error,) = found.errors
    assert error.startswith(f"{root / name}: can't be read (")
    assert f"rm -rf {root}`" in damaged_store(found.root, found.errors).hint


@pytest.mark.parametrize("damage", ["a folder", "a pipe", "a loop", "endless"])
@pytest.mark.parametrize("name", [f"overlay-images/{IMAGE}/manifest", f"overlay/{TOP}/link"])
def test_a_damaged_file_of_an_image_is_an_error_of_that_image(name: str, damage: str, root: Path) -> None:
    DAMAGES[damage](root / name)
    found = store_state(root, "overlay", [IMAGE])
    assert found["errors"] == []
    assert str(root / "overlay") in found["images"][IMAGE]["error"]


def test_layers_that_are_based_on_one_another_end(root: Path) -> None:
    layers = [{"id": BASE, "parent": TOP}, {"id": TOP, "parent": BASE}]
    (root / LISTS[1]).write_text(json.dumps(layers))
    assert store_state(root, "overlay", [])["images"][IMAGE]["error"].startswith("layer ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"overlay/{BASE}/link", f"overlay/{TOP}/link"),
        (f"overlay/l/{BASE[:26]}", f"overlay/l/{TOP[:26]}"),
        (f"overlay/{TOP}/lower", f"overlay/{TOP}/link"),
    ],
)
def test_files_of_layers_in_the_place_of_one_another_are_an_error(one: str, other: str, root: Path) -> None:
    """The overlay would be mounted from other layers, without an error of the kernel."""
    (root / one).rename(root / "between")
    (root / other).rename(root / one)
    (root / "between").rename(root / other)
    assert store_state(root, "overlay", [])["images"][IMAGE]["error"].startswith("layer ")


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 2), (1, 2)])
def test_lists_in_the_place_of_one_another_are_errors(one: int, other: int, root: Path) -> None:
    first, second = (root / LISTS[one]).read_text(), (root / LISTS[other]).read_text()
    (root / LISTS[one]).write_text(second)
    (root / LISTS[other]).write_text(first)
    assert len(store_state(root, "overlay", [])["errors"]) == 2


def test_no_file_is_read_twice_however_many_layers_are_based_on_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    read = program.read_file

    def counted(path: Path) -> bytes:
        opened.append(path)
        return read(path)

    monkeypatch.setattr(program, "read_file", counted)
    store_state(root, "overlay", [])
    assert root / "overlay" / BASE / "link" in opened
    assert len(opened) == len(set(opened))
