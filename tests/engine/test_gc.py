"""gc on a store of its own, with images that this test makes."""

from __future__ import annotations

import io
import shutil
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.choose import choose_engine
from ci.engines.engine import BuildRequest, Output
from ci.engines.process.runner import Runner
from ci.plan.keys import digest, documents, tag
from ci.run.cleanup.run_owner import registered_run
from ci.run.gc.local import remove, survey
from ci.run.workspace.base_kind import BaseKind
from ci.run.workspace.live_runs import live
from ci.run.workspace.local_store import KEY_LABEL
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace
from ci.settings import Settings
from tests.engine.luck_stack import LuckStack

pytestmark = pytest.mark.engine

SIZE = 50_000


@pytest.fixture
def workspace(stack: LuckStack, tmp_path: Path, settings: Settings) -> Workspace:
    own = settings.with_(root=tmp_path / "root", stack=stack.path, engine="buildah")
    return Workspace(
        settings=own,
        stack=load_stack(stack.path),
        base=BaseKind(kind="bootstrap", reason=""),
        runner=Runner(),
        state=State(root=own.state),
    )


@pytest.fixture
def engine(workspace: Workspace) -> BuildahEngine:
    found = choose_engine(workspace.settings, Runner())
    assert isinstance(found, BuildahEngine)
    return found


async def make(engine: BuildahEngine, folder: Path, *names: str) -> str:
    """Make an image of one layer that no other has, and give it these names."""
    archive = folder / f"{digest(list(names))[:8]}.tar"
    with tarfile.open(archive, "w") as tar:
        member = tarfile.TarInfo("content")
        member.size = SIZE
        tar.addfile(member, io.BytesIO(digest(list(names)).encode() * (SIZE // 64 + 1)))
    await engine.import_root(archive, names[0], {}, Output())
    if names[1:]:
        await engine.tag(names[0], *names[1:])
    return (await engine.images())[names[0]].removeprefix("sha256:")


async def failed_build(engine: BuildahEngine, folder: Path, parent: str) -> str:
    """Build an image as one is whose check failed: it bears the key's label, and no name."""
    (folder / "left").write_text("x" * SIZE)
    request = BuildRequest(
        instructions="ARG PARENT\nFROM ${PARENT}\nCOPY left /left\n",
        context=folder,
        parent=parent,
        labels={KEY_LABEL: "0" * 64},
    )
    return (await engine.build(request, Output())).removeprefix("sha256:")


async def test_what_the_plan_and_others_need_stays_and_the_rest_goes(
    stack: LuckStack, workspace: Workspace, engine: BuildahEngine, tmp_path: Path
) -> None:
    keys = {id_: tag(digest(document)) for id_, document in documents(workspace.stack, "bootstrap").items()}
    old = f"k-{'9' * 32}"
    await make(engine, tmp_path, f"dockwright/base:{keys['base:cpu']}", "dockwright/base:cpu")
    await make(engine, tmp_path, f"dockwright/luck:k-{'8' * 32}", "dockwright/luck:cpu")
    await make(engine, tmp_path, f"dockwright/luck:{old}")
    await make(engine, tmp_path, "dockwright/gone:cpu")
    await make(engine, tmp_path, "mine/thing:1")
    left = await failed_build(engine, tmp_path, "dockwright/base:cpu")
    root = str(workspace.settings.root)
    kept = workspace.state.inputs / "content"
    locked = load_stack(stack.path).bootstrap.lock[0].sha256
    for path, size in (
        (kept / locked, 100),
        (kept / ("f" * 64), 3_000_000),
        (workspace.state.record_path("luck:cpu", old), 10),
        (workspace.state.record_path("base:cpu", keys["base:cpu"]), 10),
        (workspace.settings.tmpdir / "storage123/blob", 1000),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    before = await engine.images()

    said = stack.dockwright("--root", root, "gc")
    assert said.returncode == 0, said.stderr
    assert f"dockwright/luck:{old}: no plan of this checkout names its key" in said.stdout
    assert "dockwright/gone:cpu: the stack no longer has this image" in said.stdout
    assert f"{'f' * 64}: no lock of this stack names it" in said.stdout
    last = said.stdout.splitlines()[-1]
    assert last.startswith("nothing was deleted; `dockwright gc --yes` deletes: ")
    assert await engine.images() == before
    assert (kept / ("f" * 64)).exists()

    done = stack.dockwright("--root", root, "gc", "--yes")
    assert done.returncode == 0, done.stderr
    assert set(await engine.images()) == {*before} - {f"dockwright/luck:{old}", "dockwright/gone:cpu"}
    assert left not in {image.id for image in await engine.store.stored_images()}
    assert [path.name for path in kept.iterdir()] == [locked]
    assert not workspace.state.record_path("luck:cpu", old).exists()
    assert workspace.state.record_path("base:cpu", keys["base:cpu"]).exists()
    assert list(workspace.settings.tmpdir.iterdir()) == []
    again = stack.dockwright("--root", root, "gc")
    assert again.stdout.splitlines()[-1] == "nothing to delete"

    everything = stack.dockwright("--root", root, "gc", "--all", "--yes")
    assert everything.returncode == 0, everything.stderr
    assert set(await engine.images()) == {"mine/thing:1"}
    assert [path.name for path in workspace.state.root.iterdir()] == ["live-runs"]


async def test_nothing_goes_while_a_run_is_going_on(
    stack: LuckStack, workspace: Workspace, engine: BuildahEngine, tmp_path: Path
) -> None:
    await make(engine, tmp_path, "dockwright/gone:cpu")
    with live(workspace.state.root, now=datetime.now(tz=UTC)) as life:
        done = stack.dockwright("--root", str(workspace.settings.root), "gc", "--yes")
        assert done.returncode == 2
        assert f"a run is active (process {life.pid}, since" in done.stderr
        told = stack.dockwright("--root", str(workspace.settings.root), "gc")
        assert f"a run is active (process {life.pid})" in told.stdout
    assert "dockwright/gone:cpu" in await engine.images()


async def test_of_a_shared_store_only_what_dockwrights_own_instructions_made_goes(
    workspace: Workspace, engine: BuildahEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    shared = replace(workspace, settings=workspace.settings.model_copy(update={"root": None}))
    parent = await make(engine, tmp_path, "mine/thing:1")
    ours = await failed_build(engine, tmp_path, "mine/thing:1")
    (tmp_path / "other").write_text("y" * SIZE)
    text = "ARG PARENT\nFROM ${PARENT}\nCOPY other /other\n"
    request = BuildRequest(instructions=text, context=tmp_path, parent="mine/thing:1")
    foreign = (await engine.build(request, Output())).removeprefix("sha256:")
    items = (await survey(shared, engine)).items
    names = [item.name for item in items]
    assert names[0] == ours  # and what Buildah made on the way to it
    assert not {parent, foreign, "mine/thing:1"} & {*names}
    assert await remove(shared, engine, items) == ()
    assert {parent, foreign} <= {image.id for image in await engine.store.stored_images()}
    assert ours not in {image.id for image in await engine.store.stored_images()}


async def test_with_all_of_a_shared_store_the_steps_on_the_way_to_an_image_go_with_it(
    workspace: Workspace, engine: BuildahEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    shared = replace(workspace, settings=workspace.settings.model_copy(update={"root": None}))
    context = tmp_path / "context"
    context.mkdir()
    (context / "one").write_text("1" * SIZE)
    (context / "two").write_text("2" * SIZE)

    async def steps(parent: str, name: str) -> None:
        text = "ARG PARENT\nFROM ${PARENT}\nENV A=b\nCOPY one /one\nENV C=d\nCOPY two /two\n"
        request = BuildRequest(instructions=text, context=context, parent=parent)
        await engine.tag(await engine.build(request, Output()), name)

    await make(engine, tmp_path, "mine/base:1")
    await steps("mine/base:1", "mine/thing:1")
    foreign = {image.id for image in await engine.store.stored_images()}
    await make(engine, tmp_path, "dockwright/base:cpu")
    await steps("dockwright/base:cpu", "dockwright/luck:cpu")
    assert len([image for image in await engine.store.stored_images() if not image.names]) >= 6
    items = (await survey(shared, engine, everything=True)).items
    assert await remove(shared, engine, items) == ()
    assert {image.id for image in await engine.store.stored_images()} == foreign


async def test_an_image_in_use_stays_and_is_told_and_the_others_go(
    workspace: Workspace, engine: BuildahEngine, tmp_path: Path
) -> None:
    await make(engine, tmp_path, "dockwright/gone:cpu")
    await make(engine, tmp_path, "dockwright/gone2:cpu")
    container = (await engine.runner.run(engine.buildah.start("dockwright/gone:cpu"))).strip()
    items = (await survey(workspace, engine)).items
    (fault,) = await remove(workspace, engine, items)
    assert fault.startswith("dockwright/gone:cpu was not deleted: ")
    assert set(await engine.images()) == {"dockwright/gone:cpu"}
    await engine.runner.run(engine.buildah.remove(container))


async def test_a_run_may_remove_its_own_folder_with_the_whole_state(
    workspace: Workspace, engine: BuildahEngine
) -> None:
    said: list[str] = []
    async with registered_run(workspace, engine, note=said.append, warn=said.append) as (own, _):
        assert own.scratch.is_dir()
        shutil.rmtree(workspace.settings.tmpdir)
    assert said == []
