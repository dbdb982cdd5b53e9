"""What a run finds wrong with an engine, in the first image that it has there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from dagger import dag

from ci.engines.dagger.cache import CacheLimits
from ci.engines.dagger.engine import DaggerEngine
from ci.engines.dagger.health import FREE, INJECTED
from ci.engines.engine import Output
from ci.engines.process.runner import Runner
from ci.plan.plan import Inventory, PlannedImage, make_plan
from ci.report.events import Warned
from ci.run.build.image import ImageWork
from ci.run.build.planned_run import PlannedRun
from ci.run.build.request import Request
from ci.run.build.task_work import task_work
from ci.run.tasks.event_log import EventLog
from ci.run.tasks.kind import ImageTask
from ci.run.tasks.recorded_run import RunLog
from ci.run.tasks.task import Task, Work
from ci.run.workspace.base_kind import BaseKind
from ci.run.workspace.image_record import ImageRecord
from ci.run.workspace.run_directory import create_run_directory
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace
from ci.settings import Settings
from tests.dagger.disk import Disk
from tests.dagger.session import Session
from tests.stacks import small_stack

GB = 10**9


class NoWrites:
    writes = False


@dataclass
class Given:
    """A registry that gives every image, as far as a run asks it for one."""

    available: dict[str, Any] = field(default_factory=dict)
    cache = NoWrites()

    async def fetch(
        self, planned: PlannedImage, engine: DaggerEngine, output: Output
    ) -> tuple[str, ImageRecord]:
        id_ = await engine.fetch(f"registry.example/{planned.id}", output)
        return id_, ImageRecord(document=planned.document, layers=(), config_digest="")

    async def forget(self, _planned: PlannedImage, _engine: DaggerEngine) -> None:
        """There is no name to take away."""


@dataclass
class Run:
    work: Work
    stage: Disk
    log: EventLog
    engine: DaggerEngine

    @property
    def warned(self) -> list[str]:
        return [event.text for event in self.log.events if isinstance(event, Warned)]


@pytest.fixture
def run(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The tasks of a run that fetches all of its images, which have passed their checks."""

    async def passed(*_: object) -> bool:
        return True

    monkeypatch.setattr(ImageWork, "passed", passed)
    stage = Disk(stack=tmp_path)
    session.world = stage
    engine = DaggerEngine(client=dag, folder=lambda _: dag.directory(), archives=tmp_path)
    stack, now = small_stack(), datetime.now().astimezone()
    workspace = Workspace(
        settings=Settings(root=tmp_path),
        stack=stack,
        base=BaseKind(kind="bootstrap", reason="asked for"),
        runner=Runner(),
        state=State(root=tmp_path),
    )
    ids = ["base:cpu", "mux:cpu"]
    plan = make_plan(stack, Inventory(remote=ids), base="bootstrap", selected=ids)
    plan = replace(plan, images=tuple(replace(one, action="fetch") for one in plan.images))
    directory = create_run_directory(tmp_path, now=now)
    given: Any = Given()
    with EventLog(directory.events, clock=lambda: 0.0) as log:
        run = PlannedRun(workspace=workspace, request=Request(), plan=plan, remote=given)
        work = task_work(engine, run, RunLog(directory=directory, events=log))
        yield Run(work, stage, log, engine)


async def fetch_all(run: Run) -> None:
    for id_ in ("base:cpu", "mux:cpu"):
        await run.work(Task(kind=ImageTask(id_)))


async def test_certificates_are_found_in_what_a_registry_gives_and_told_once(run: Run) -> None:
    run.stage.injects = True
    await fetch_all(run)
    assert run.warned == [INJECTED]


async def test_an_engine_with_nothing_wrong_is_not_warned_about(run: Run) -> None:
    run.engine.cache = CacheLimits(most_bytes=200 * GB, reserved_bytes=50 * GB, min_free_bytes=20 * GB)
    run.stage.free_bytes = 20 * GB
    await fetch_all(run)
    assert run.warned == []


async def test_a_disk_that_others_have_filled_is_told_with_what_stays_of_the_cache(run: Run) -> None:
    run.engine.cache = CacheLimits(most_bytes=200 * GB, reserved_bytes=50 * GB, min_free_bytes=60 * GB)
    run.stage.free_bytes, run.stage.used_bytes = 5 * GB, 58 * GB
    await fetch_all(run)
    (line,) = run.warned
    assert line.startswith(
        "5 GB are free on the engine's disk, and it empties its cache until 60 GB are, whoever has filled "
        "the disk: 3 GB of cache stay, and what is reused today is built again tomorrow."
    )
    assert run.stage.execs.count(list(FREE)) == 1


async def test_a_disk_that_the_cache_itself_has_filled_is_as_it_should_be(run: Run) -> None:
    run.engine.cache = CacheLimits(most_bytes=0, reserved_bytes=0, min_free_bytes=60 * GB)
    run.stage.free_bytes, run.stage.used_bytes = 59 * GB, 300 * GB
    await fetch_all(run)
    assert run.warned == []


async def test_a_module_which_may_not_ask_for_the_limits_does_not(run: Run, session: Session) -> None:
    run.stage.free_bytes = 0
    await fetch_all(run)
    assert list(FREE) not in run.stage.execs
    assert [calls for calls in session.leaves if ("localCache", {}) in calls] == []
