"""Layers of an image: by DiffID with bytes unpacked, also where the manifest is that of a registry."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ci.engines.buildah.commands import Buildah
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.process.command import Command
from ci.engines.process.runner import Runner
from ci.errors import EngineError

DIFF_IDS = [f"sha256:{digit * 64}" for digit in "ab"]
UNPACKED = [3_001_856, 2048]
SENT = [(f"sha256:{digit * 64}", size) for digit, size in (("c", 3985), ("d", 700))]
OWN = tuple(zip(DIFF_IDS, UNPACKED, strict=True))


def lists(*sizes: int | None) -> tuple[str, str]:
    layers = [
        {"id": f"l{number}", "parent": f"l{number - 1}", **({"diff-size": size} if size is not None else {})}
        for number, size in enumerate(sizes)
    ]
    images = [{"id": "i1", "layer": f"l{len(sizes) - 1}"}, {"id": "other", "layer": "l0"}]
    return json.dumps(images), json.dumps(layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted(Runner):
    """Answers as Buildah and skopeo do, from values."""

    layers: list[tuple[str, int]]
    lists: tuple[str, str]
    asked: list[str] = field(default_factory=list)

    async def run(self, command: Command, **_: object) -> str:
        argv = command.argv
        if "inspect" in argv:
            manifest = {"layers": [{"digest": digest, "size": size} for digest, size in self.layers]}
            config = {"rootfs": {"type": "layers", "diff_ids": DIFF_IDS}}
            return json.dumps({"FromImageID": "i1", "Manifest": json.dumps(manifest), "OCIv1": config})
        if "copy" in argv:
            self.asked.append("unpack")
            assert "--dest-decompress" in argv
            folder = Path(argv[-1].removeprefix("dir:"))
            folder.mkdir()
            written = [{"digest": digest} for digest in DIFF_IDS]
            (folder / "manifest.json").write_text(json.dumps({"layers": written}))
            for digest, size in OWN:
                (folder / digest.partition(":")[2]).write_bytes(b"x" * size)
            return ""
        if "images" in argv:
            return "[]"
        self.asked.append("lists")
        return self.lists["layers.json" in argv[-1]]


async def inspected(tmp_path: Path, runner: Scripted) -> tuple[tuple[str, int], ...]:
    engine = BuildahEngine(buildah=Buildah(tmpdir=str(tmp_path)), runner=runner)
    storage = replace(engine.buildah.storage, root=str(tmp_path), driver="vfs")
    images, _ = storage.lists
    Path(images).parent.mkdir()
    Path(images).write_text("")
    buildah = replace(engine.buildah, storage=storage)
    info = await BuildahEngine(buildah=buildah, runner=runner).inspect("small/mux:cpu")
    assert info.has_layer_sizes
    return info.layers


async def test_an_image_that_was_built_here_has_its_sizes_in_its_manifest(tmp_path: Path) -> None:
    runner = Scripted(layers=list(OWN), lists=lists())
    assert (await inspected(tmp_path, runner), runner.asked) == (OWN, [])


async def test_an_image_from_a_registry_has_the_sizes_that_the_store_unpacked(tmp_path: Path) -> None:
    runner = Scripted(layers=SENT, lists=lists(*UNPACKED))
    assert (await inspected(tmp_path, runner), runner.asked) == (OWN, ["lists", "lists"])


@pytest.mark.parametrize("sizes", [(None, 2048), (2048,), ()])
async def test_a_size_that_the_store_does_not_have_is_counted(
    tmp_path: Path, sizes: tuple[int | None, ...]
) -> None:
    runner = Scripted(layers=SENT, lists=lists(*sizes))
    assert (await inspected(tmp_path, runner), runner.asked[-1]) == (OWN, "unpack")


async def test_another_number_of_layers_than_the_config_has_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ci.engines.buildah.engine.unpacked_sizes", lambda _: [1])
    with pytest.raises(EngineError, match="1 layers in the store, and 2 in its config"):
        await inspected(tmp_path, Scripted(layers=SENT, lists=lists()))
