"""Metrics of a real image: what it consists of, and its layers as large as a push makes them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from ci.engines.engine import Output
from ci.names.digest import bare_digest
from ci.names.reference import LOCAL
from ci.registry.manifest import read_manifest
from ci.run.budget.contents import parse_contents, read_contents
from tests.engine.smoke_probe import IMAGE, TinyImage, tiny_image
from tests.registry.cached import opened
from tests.registry.server import registry

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="Buildah is not installed"),
]
NAMES = ("metrics/one:cpu", "metrics/two:cpu")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyImage]:
    """The tiny image, and two that add a layer each to it: the second to the first."""
    with tiny_image(tmp_path_factory.mktemp("metrics")) as image:
        anyio.run(stacked, image)
        yield image


async def stacked(tiny: TinyImage) -> None:
    engine, below = tiny.engine, IMAGE
    for number, name in enumerate(NAMES):
        folder = tiny.folder / f"layer-{number}"
        folder.mkdir()
        (folder / "data").write_text("".join(f"{number} {line * line}\n" for line in range(200_000)))
        shutil.make_archive(str(folder), "tar", folder)
        container = (await engine.runner.run(engine.buildah.start(LOCAL + below))).strip()
        await engine.runner.run(engine.buildah.add(container, f"{folder}.tar"))
        await engine.runner.run(engine.buildah.commit(container, LOCAL + name))
        below = name


async def test_layers_are_as_large_as_a_push_makes_them_each_compressed_once(
    tiny: TinyImage, tmp_path: Path
) -> None:
    engine = tiny.engine
    ids = {name: bare_digest(id_) for name, id_ in (await engine.images()).items()}
    known: dict[str, int] = {}
    asked: list[int] = []
    sizes: dict[str, list[int]] = {}
    for name in (IMAGE, *NAMES):
        diff_ids = [digest for digest, _ in (await engine.inspect(ids[name])).layers]
        new = await engine.store.compressed_layers(ids[name], diff_ids, set(diff_ids) & set(known))
        asked.append(len(new))
        known |= new
        sizes[name] = [known[digest] for digest in diff_ids]
    assert asked == [1, 1, 1]
    with registry(tmp_path / "registry") as running:
        for name in (IMAGE, *NAMES):
            image = name.partition(":")[0]
            await engine.push(ids[name], f"{running.host}/{name}", Output())
            async with opened(running.host) as (cache, _):
                data = await cache.client.manifest(image, "cpu", scope=())
            assert [layer.size for layer in read_manifest(data, name).layers] == sizes[name]


async def test_an_image_tells_what_it_consists_of(tiny: TinyImage, tmp_path: Path) -> None:
    found = parse_contents(await read_contents(tiny.engine, IMAGE, tmp_path, Output()))
    assert found is not None
    assert found.packages == {"tini": 0}
    assert set(found.distributions) == {"python-thing"}
    assert found.distributions["python-thing"] >= len("print('noise of an import')\n")


@pytest.mark.parametrize(
    "value", [None, [], {"distributions": {}}, {"distributions": {"a": "?"}, "packages": {}}]
)
def test_what_is_no_contents_is_not_taken_for_some(value: object) -> None:
    assert parse_contents(value) is None
