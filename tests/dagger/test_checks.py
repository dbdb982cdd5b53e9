"""A program that looks at an image, by the calls that Dagger gets for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagger import dag

from ci.engines.dagger.engine import DaggerEngine
from ci.engines.dagger.errors import NOT_STARTED, TIMED_OUT
from ci.engines.engine import Output, SandboxedProgram
from tests.dagger.session import Call, Session
from tests.dagger.world import Stage

ARGV = ("/opt/venv/bin/python", "probe.py")
GPUS = "experimentalWithAllGPUs"


@pytest.fixture
def stage(session: Session, tmp_path: Path) -> Stage:
    stage = Stage(stack=tmp_path)
    session.world = stage
    return stage


@pytest.fixture
async def image(stage: Stage, tmp_path: Path) -> tuple[DaggerEngine, str]:
    engine = DaggerEngine(client=dag, folder=lambda path: dag.host().directory(str(path)), archives=tmp_path)
    id_ = await engine.fetch("registry.example/asr@sha256:1", Output())
    return engine, id_


def closed(*argv: str, gpu: bool = False, limit_s: float = 60.0) -> SandboxedProgram:
    return SandboxedProgram(argv=argv or ARGV, config={}, limit_s=limit_s, gpu=gpu)


def ran(session: Session) -> list[tuple[Call, ...]]:
    """Return the calls of each program whose output was asked for."""
    return [calls for calls in session.leaves if calls[-1][0] == "stdout"]


def nonces(session: Session) -> list[str]:
    return [
        given["value"]
        for calls in ran(session)
        for name, given in calls
        if name == "withEnvVariable" and given["name"] == "DOCKWRIGHT_FRESH"
    ]


@pytest.mark.parametrize("gpu", [False, True])
async def test_gpus_are_lent_to_what_asks_for_them_with_a_value_that_no_cache_has(
    session: Session, stage: Stage, image: tuple[DaggerEngine, str], gpu: bool
) -> None:
    engine, id_ = image
    for _ in range(2):
        assert (await engine.run_sandboxed(id_, closed(gpu=gpu), Output())).status == 0
    assert [GPUS in dict(calls) for calls in ran(session)] == [gpu, gpu]
    assert len(set(nonces(session))) == 2


async def test_whether_there_is_a_gpu_is_asked_by_asking_for_one(
    session: Session, stage: Stage, image: tuple[DaggerEngine, str]
) -> None:
    engine, id_ = image
    assert await engine.gpu_error(id_) == ""
    stage.fails["true"] = "no known GPU vendor found"
    assert await engine.gpu_error(id_) == "no known GPU vendor found"
    assert [GPUS in dict(calls) for calls in ran(session)] == [True, True]
    assert len(set(nonces(session))) == 2


async def test_how_a_program_ended_is_told(
    session: Session, stage: Stage, image: tuple[DaggerEngine, str], tmp_path: Path
) -> None:
    engine, id_ = image
    stage.fails["fails.py"] = "Traceback"
    stage.unstarted["/no/python"] = 'exec: "/no/python": stat /no/python: no such file or directory'
    ended = await engine.run_sandboxed(id_, closed("python", "fails.py"), Output(log=tmp_path / "log"))
    assert (ended.status, ended.tail) == (7, "Traceback")
    ended = await engine.run_sandboxed(id_, closed("/no/python", "probe.py"), Output(log=tmp_path / "log"))
    assert ended.status == NOT_STARTED
    assert ended.tail.endswith("stat /no/python: no such file or directory")
    assert "no such file or directory" in (tmp_path / "log").read_text()


async def test_a_program_that_hangs_is_ended_and_that_is_said(
    session: Session, stage: Stage, image: tuple[DaggerEngine, str]
) -> None:
    engine, id_ = image
    stage.holds = "hangs.py"
    try:
        ended = await engine.run_sandboxed(id_, closed("python", "hangs.py", limit_s=0.5), Output())
    finally:
        stage.released.set()
    assert (ended.status, ended.termination_reason) == (
        TIMED_OUT,
        "still running after 0.5 s, so it was ended",
    )
