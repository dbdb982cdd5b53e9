"""A store with damage in it: nothing broken is ever reused, and a build repairs or says what repairs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from ci.engines.buildah.commands import Buildah
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.buildah.find_storage import find_storage
from ci.engines.buildah.storage import Storage
from ci.engines.process.runner import Runner
from ci.errors import EngineError, StoreError
from ci.names.digest import bare_digest
from ci.names.reference import LOCAL
from ci.plan.plan import Inventory, Plan, make_plan
from ci.run.reuse.store_health import plan_on_healthy_store, record_layer_stamps
from ci.run.workspace.local_store import Store
from ci.run.workspace.state import State
from tests.stacks import small_stack

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(os.geteuid() != 0, reason="damaging a store's files needs their owner"),
]
STACK = small_stack()
PARENTS = {"base:cpu": "scratch", "ml:cpu": "base:cpu", "mux:cpu": "scratch"}


class TinyStore:
    """A store of its own with three tiny images: base, ml on base, and mux that stands alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "store"
        storage = Storage(root=str(self.root), run_root=str(folder / "run"), driver="overlay")
        (folder / "tmp").mkdir()
        self.engine = BuildahEngine(
            buildah=Buildah(storage=storage, tmpdir=str(folder / "tmp")), runner=Runner(limit_s=60)
        )
        self.state = State(root=folder / "state")
        self.said: list[str] = []

    async def plan(self, *, repair: bool) -> Plan:
        async def plan_of(store: Store) -> Plan:
            return make_plan(
                STACK, Inventory(present=store.tags(STACK.namespace)), base="bootstrap", selected=set(PARENTS)
            )

        self.said = []
        _, plan = await plan_on_healthy_store(
            self.engine, self.state, STACK.namespace, plan_of, repair=repair, say=self.said.append
        )
        return plan

    async def actions(self, *, repair: bool = False) -> dict[str, str]:
        return {planned.id: planned.action for planned in (await self.plan(repair=repair)).images}

    async def build(self) -> None:
        """Build what the plan lacks, as a run does: by layers, then named, then noted."""
        plan = await self.plan(repair=True)
        for planned in plan.to_build:
            parent = PARENTS[planned.id]
            start = parent if parent == "scratch" else LOCAL + plan.get(parent).reference
            context = self.folder / "context"
            context.mkdir(exist_ok=True)
            (context / "file").write_text(f"file of {planned.id}\n")
            name = planned.image.image
            (context / "Dockerfile").write_text(f"FROM {start}\nCOPY file /{name}\nLABEL name={name}\n")
            words = ("build", "--quiet", "--layers", "--tag", LOCAL + planned.reference, str(context))
            self.run(*words)
        ids = await self.engine.images()
        made = [ids[planned.reference] for planned in plan.to_build]
        await record_layer_stamps(self.engine, self.state, made)

    def run(self, *words: str) -> str:
        env = {**os.environ, "TMPDIR": str(self.folder / "tmp")}
        argv = ("buildah", *self.engine.buildah.storage.options, *words)
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout

    async def layer(self) -> Path:
        """Return the folder of the layer of base, which ml has too."""
        state = await self.engine.store.state([])
        ids = await self.engine.images()
        (chain,) = [state.chains[bare_digest(id_)] for name, id_ in ids.items() if "/base:" in name]
        return self.root / "overlay" / chain[-1]


@pytest.fixture
async def tiny(tmp_path: Path) -> TinyStore:
    return await _built(tmp_path)


async def _built(folder: Path) -> TinyStore:
    tiny = TinyStore(folder)
    await tiny.build()
    return tiny


@pytest.fixture(autouse=True)
def unmounted(tmp_path: Path) -> Iterator[None]:
    yield
    subprocess.run(("umount", str(tmp_path / "store/overlay")), capture_output=True, check=False)


WHOLE = dict.fromkeys(PARENTS, "reuse")
BROKEN = {"base:cpu": "build", "ml:cpu": "build", "mux:cpu": "reuse"}


async def test_a_store_without_damage_is_reused_whole(tiny: TinyStore) -> None:
    assert await tiny.actions() == WHOLE
    container = tiny.run("from", "--pull-never", LOCAL + (await tiny.plan(repair=False)).images[1].reference)
    tiny.run("rm", container.strip())
    assert await tiny.actions(repair=True) == WHOLE
    assert tiny.said == []


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


def folder_at(path: Path) -> None:
    path.unlink()
    path.mkdir()


def mislead(layer: Path, overlay: Path) -> None:
    """Let the short name of a layer lead to the files of another one."""
    link = overlay / "l" / (layer / "link").read_text().strip()
    other = next(path for path in (overlay / "l").iterdir() if path != link)
    target = other.readlink()
    link.unlink()
    link.symlink_to(target)


DAMAGES: dict[str, Callable[[Path, Path], None]] = {
    "a layer's folder is gone": lambda layer, _: shutil.rmtree(layer),
    "a layer's files are gone": lambda layer, _: shutil.rmtree(layer / "diff"),
    "a layer's link is gone": lambda layer, _: (layer / "link").unlink(),
    "a layer's short name is gone": lambda layer, overlay: (
        overlay / "l" / (layer / "link").read_text().strip()
    ).unlink(),
    "a byte of a file is another": lambda layer, _: flip(layer / "diff/base"),
    "a file is gone": lambda layer, _: (layer / "diff/base").unlink(),
    "a file is there that was not": lambda layer, _: (layer / "diff/more").touch(),
    "a layer's link is a folder": lambda layer, _: folder_at(layer / "link"),
    "a layer's short name leads to another": lambda layer, overlay: mislead(layer, overlay),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_layer_is_not_reused_and_a_build_makes_it_anew(tiny: TinyStore, damage: str) -> None:
    layer = await tiny.layer()
    DAMAGES[damage](layer, tiny.root / "overlay")
    assert await tiny.actions() == BROKEN
    (said,) = tiny.said
    assert "damaged in the store" in said
    assert layer.name[:12] in said
    assert "not reused" in said
    await tiny.build()
    assert await tiny.actions() == WHOLE
    assert ((await tiny.layer()) / "diff/base").read_text() == "file of base:cpu\n"
    assert not ((await tiny.layer()) / "diff/more").exists()


async def test_an_image_whose_config_is_gone_is_not_reused(tiny: TinyStore) -> None:
    ids = await tiny.engine.images()
    (id_,) = [id_ for name, id_ in ids.items() if "/mux:" in name]
    for path in (tiny.root / "overlay-images" / bare_digest(id_)).glob("=*"):
        path.unlink()
    assert (await tiny.actions())["mux:cpu"] == "build"
    await tiny.build()
    assert await tiny.actions() == WHOLE


async def test_layers_that_the_store_forgot_are_built_again(tiny: TinyStore) -> None:
    (tiny.root / "overlay-layers/layers.json").write_text("[]")
    assert set((await tiny.actions()).values()) == {"build"}
    assert "is not in" in tiny.said[0]
    await tiny.build()
    assert await tiny.actions() == WHOLE


@pytest.mark.parametrize("name", ["overlay-layers/layers.json", "overlay-images/images.json"])
async def test_a_truncated_list_of_the_store_is_told_with_what_repairs_it(tiny: TinyStore, name: str) -> None:
    with (tiny.root / name).open("r+") as file:
        file.truncate(100)
    for repair in (False, True):
        with pytest.raises(EngineError) as caught:
            await tiny.plan(repair=repair)
        damage = f"{tiny.root / name}: can't be read"
        assert f"the store is damaged, and its content is not known: {damage}" in str(caught.value)
        assert f"rm -rf {tiny.root}" in str(caught.value)


async def test_what_stands_on_damage_and_is_not_ours_is_not_removed(tiny: TinyStore) -> None:
    ids = await tiny.engine.images()
    (id_,) = [id_ for name, id_ in ids.items() if "/ml:" in name]
    tiny.run("tag", id_, "localhost/others/image:1")
    flip((await tiny.layer()) / "diff/base")
    with pytest.raises(EngineError, match="buildah rmi --force localhost/others/image:1"):
        await tiny.plan(repair=True)
    assert set(ids) < set(await tiny.engine.images())


@pytest.mark.parametrize(
    "name",
    ["overlay-images/images.json", "overlay-layers/layers.json", "overlay-containers/containers.json"],
)
async def test_a_folder_in_the_place_of_a_list_is_told_by_all_that_read_the_store(
    tiny: TinyStore, name: str
) -> None:
    (tiny.root / name).unlink(missing_ok=True)
    (tiny.root / name).mkdir()
    store = tiny.engine.store
    reads: list[Callable[[], Awaitable[object]]] = [
        partial(tiny.plan, repair=False),
        store.images,
        store.stored_images,
    ]
    for read in reads[: 1 if "containers" in name else 3]:
        with pytest.raises(StoreError, match=f"rm -rf {tiny.root}`"):
            await read()
    if "containers" not in name:
        with pytest.raises(StoreError, match=f"rm -rf {tiny.root}`"):
            find_storage(tiny.engine.buildah.storage.options, (), os.environ)
    (tiny.root / name).rmdir()
