from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import dagger
import pytest
from dagger import dag

from ci.engines.dagger.engine import DaggerEngine
from ci.engines.engine import Output
from ci.run.inputs.engine_inputs import EngineInputs
from ci.run.inputs.local import LocalInputs
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings
from tests.dagger.session import Call, Session
from tests.dagger.world import Stage

STACK = Path(__file__).parents[2] / "docker"
JOBS = 3


@dataclass(slots=True, kw_only=True)
class Counting(DaggerEngine):
    """The engine, and how much of what it is asked for is going on at once."""

    now: int = 0
    most: int = 0

    async def made(self, container: dagger.Container, path: str, output: Output) -> dagger.Directory:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await DaggerEngine.made(self, container, path, output)
        finally:
            self.now -= 1


@pytest.fixture
async def inputs(session: Session, tmp_path: Path) -> EngineInputs:
    session.world = Stage(stack=STACK)
    settings = Settings(stack=STACK, root=tmp_path / "root", base="bootstrap", engine="dagger", jobs=JOBS)
    workspace = open_workspace(settings)
    engine = Counting(
        client=dag, folder=lambda path: dag.host().directory(str(path)), archives=tmp_path / "archives"
    )
    await engine.import_archive(dag.directory().file("base.tar"), workspace.root_image, Output())
    needed = [image.id for image in workspace.stack.images]
    local = LocalInputs(workspace=workspace, engine=engine)
    return EngineInputs(local=local, engine=engine, fetcher=engine.input_fetcher, needed=needed)


async def test_no_more_folders_are_filled_at_once_than_a_run_does_tasks(inputs: EngineInputs) -> None:
    engine = inputs.engine
    assert isinstance(engine, Counting)
    await inputs.debhouse(Output())
    assert engine.most == 1  # another would wait for the volume, and take a turn from a wheelhouse
    async with anyio.create_task_group() as group:
        for variant in ("cpu", "cuda"):
            group.start_soon(inputs.wheelhouse, variant, Output())
    assert engine.most == JOBS


async def test_an_sdist_is_compiled_alone_without_network_volume_or_password(
    session: Session, inputs: EngineInputs
) -> None:
    stage, engine = session.world, inputs.engine
    assert isinstance(stage, Stage)
    assert isinstance(engine, Counting)
    engine.network_secrets = {"/run/dockwright-network.json": '{"PIP_INDEX_URL": "https://ci:pass@host/"}'}
    inputs.needed = ["lyrics-detection:cpu"]
    stage.texts = {"jobs.json": json.dumps([{"key": key, "file": f"{key}.tar.gz"} for key in "ab"])}
    await inputs.debhouse(Output())
    await inputs.wheelhouse("cpu", Output())
    ran = {repr(exec_of(calls)["args"]): calls for calls in stage.ran}
    compiled = [calls for argv, calls in sorted(ran.items()) if "compile_sdist.py" in argv]
    assert len(compiled) == 2
    for key, calls in zip("ab", compiled, strict=True):
        given = exec_of(calls)
        assert given["args"][:2] == ["unshare", "--net"]
        assert given["args"][-1] == f"{key}.tar.gz"
        assert given["insecureRootCapabilities"] is True  # to leave the network; the sdist's code has none
        mounts = {given["path"]: given for name, given in calls if name == "withMountedDirectory"}
        for path in {given["path"] for name, given in calls if name == "withoutMount"}:
            del mounts[path]  # of the builder's own steps
        places = ("program", "work/requirements", "work/job")
        assert set(mounts) == {f"/run/dockwright/{place}" for place in places}
        assert all(mount["readOnly"] is True for mount in mounts.values())
        assert mounts["/run/dockwright/work/job"]["source"][-1] == ("directory", {"path": f"jobs/{key}"})
        assert {name for name, _ in calls}.isdisjoint({"withMountedCache", "withMountedSecret"})
        variables = {given["name"] for name, given in calls if name == "withEnvVariable"}
        assert variables.isdisjoint({"DOCKWRIGHT_NETWORK_FILE", "PIP_INDEX_URL"})
    (fetched,) = [calls for argv, calls in ran.items() if "fetch_wheels.py" in argv]
    assert "withMountedSecret" in {name for name, _ in fetched}
    assert "ci:pass" not in repr([given for name, given in fetched if name != "withMountedSecret"])
    (filled,) = [calls for argv, calls in ran.items() if "fill_wheels.py" in argv]
    assert "withMountedSecret" not in {name for name, _ in filled}


async def test_a_mirrors_password_is_a_secret_of_the_engine(session: Session, inputs: EngineInputs) -> None:
    stage, local = session.world, inputs.local
    assert isinstance(stage, Stage)
    settings = local.workspace.settings.with_(
        debian_mirror="https://ci:pass@word-of-mirror@mirror.example/debian"
    )
    local.workspace = replace(local.workspace, settings=settings)
    await inputs.debhouse(Output())
    ran = [calls for calls in stage.ran if "fetch_debs.py" in repr(exec_of(calls)["args"])]
    assert ran
    for calls in ran:
        shown = repr([given for name, given in calls if name != "withMountedSecret"])
        assert "word-of-mirror" not in shown
        assert "word-of-mirror" in repr([given for name, given in calls if name == "withMountedSecret"])


def exec_of(calls: tuple[Call, ...]) -> dict[str, Any]:
    """Return the last program among these calls."""
    return next(given for name, given in reversed(calls) if name == "withExec")


async def test_each_volume_is_asked_for_in_one_way(session: Session, inputs: EngineInputs) -> None:
    await inputs.debhouse(Output())
    for variant in ("cpu", "cuda"):
        await inputs.wheelhouse(variant, Output())
    mounts = [given for name, given in session.made if name == "withMountedCache"]
    found = []
    for given in mounts:
        ((_, volume),) = given.pop("cache")
        found += [(volume, given)] if (volume, given) not in found else []
    place = {"path": "/run/dockwright/inputs"}
    assert found == [  # shared is what goes without saying
        ({"key": "dockwright-debhouse", "sharing": "LOCKED"}, {**place, "sharing": "LOCKED"}),
        ({"key": "dockwright-wheelhouse"}, place),
    ]
    assert session.rejected == []
