"""A machine for runs without an engine and without a network: its state, its engine, who starts a run."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ci.catalog.stack import DebLine, LockLine, Stack
from ci.engines.engine import Engine
from ci.engines.process.command import Command
from ci.engines.process.runner import Runner
from ci.registry.namespace import parse_namespace
from ci.report.events import Checkout, Event
from ci.run.build.planned_run import PlannedRun
from ci.run.build.request import Request
from ci.run.build.run import RunResult, run_request
from ci.run.estimate.needs import Estimate
from ci.run.tasks.event_log import Listener
from ci.run.workspace.base_kind import BaseKind
from ci.run.workspace.state import State
from ci.run.workspace.workspace import Workspace
from ci.settings import read_settings
from tests.fakes.engine import FakeEngine
from tests.fakes.uv_wheel import UV
from tests.stacks import CONTENTS, small_stack, wheel

CHECKOUT = Checkout(commit="a" * 40, stack="docker")
NAMESPACE = "team"


def plain_stack() -> Stack:
    """Return the small stack without packages but for uv: base ← ml ← (asr, vad), base ← mux."""
    stack = small_stack()
    nothing: dict[str, Any] = {"apt": (), "apt_lock": (), "requirements": (), "python_lock": ()}
    return replace(
        stack,
        builder=replace(stack.builder, python_lock=(UV,)),
        images=tuple(replace(image, **nothing) for image in stack.images),
    )


def package_stack() -> tuple[Stack, dict[str, bytes]]:
    """Return the small stack, all of its distributions as wheels, and the content of its packages."""
    stack = small_stack()
    builder = replace(stack.builder, python_lock=(*stack.builder.python_lock, UV))
    images = tuple(
        replace(image, python_lock=tuple(wheel(line.name, line.version) for line in image.python_lock))
        for image in stack.images
    )
    stack = replace(stack, builder=builder, images=images)
    debs: list[DebLine] = [line for image in images for line in image.apt_lock]
    wheels: list[LockLine] = [line for image in images for line in image.python_lock]
    packages = {deb.sha256: deb.path.encode() for deb in (*debs, *stack.builder.apt_lock)}
    packages |= {line.sha256: line.file.encode() for line in (*wheels, *stack.builder.python_lock)}
    return stack, packages


@dataclass(frozen=True, slots=True, kw_only=True)
class InProcessRunner(Runner):
    """Removes folders in this process, and starts nothing."""

    async def run(
        self, command: Command, *, log: Path | None = None, on_line: Callable[[str], None] | None = None
    ) -> str:
        match command.argv:
            case ("rm", "-rf", "--one-file-system", "--", folder):
                shutil.rmtree(folder)
            case argv:
                raise AssertionError(f"a fast test starts {argv}")
        return ""


@dataclass(slots=True, kw_only=True)
class FakeFrontend:
    """Starts a run and keeps what it reports; `opened_engines` counts how often it needed an engine."""

    engine: FakeEngine
    lines: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    needs: Estimate | None = None
    opened_engines: int = 0

    def say(self, line: str) -> None:
        self.lines.append(line)

    @asynccontextmanager
    async def opened(self, workspace: Workspace) -> AsyncIterator[Engine]:
        self.opened_engines += 1
        yield self.engine

    @contextmanager
    def shown(self, workspace: Workspace) -> Iterator[Listener]:
        yield self.events.append

    def estimate(self, run: PlannedRun, engine: Engine) -> Estimate | None:
        return self.needs


@dataclass(slots=True, kw_only=True)
class Machine:
    """A machine whose runs keep their state in `folder`; `front` is that of the last run."""

    folder: Path
    stack: Stack = field(default_factory=plain_stack)
    engine: FakeEngine = field(default_factory=FakeEngine)
    front: FakeFrontend = field(init=False)

    def __post_init__(self) -> None:
        self.front = FakeFrontend(engine=self.engine)

    def workspace(self, **settings: Any) -> Workspace:
        """Return its workspace; the registry is the engine's, unless the settings name another."""
        registry = self.engine.registry
        if registry is not None:
            settings = {"registry": f"{registry.host}/{NAMESPACE}", **settings}
        self.write_files()
        own = {"stack": self.folder / "docker", "root": self.folder, "disk_floor_mb": 0, "jobs": 2}
        found = read_settings(**{**own, **settings})
        return Workspace(
            settings=found,
            stack=self.stack,
            base=BaseKind(kind="registry", reason="base: registry"),
            runner=InProcessRunner(),
            state=State(root=found.state),
            registry=parse_namespace(found.registry) if found.registry else None,
        )

    def write_files(self) -> None:
        """Write the files of the stack that its directory lacks."""
        for image in self.stack.images:
            for one in image.files:
                path = self.folder / "docker" / image.folder / one.path
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(CONTENTS[one.sha256])

    async def run(self, request: Request | None = None, **settings: Any) -> RunResult:
        """Do a whole run of `request`, by default of all images."""
        self.front = FakeFrontend(engine=self.engine)
        request = replace(request or Request(), checkout=CHECKOUT)
        return await run_request(self.workspace(**settings), request, self.front, {})

    def actions(self, result: RunResult) -> dict[str, str]:
        """Return how each image of a run ended, by `image:variant`."""
        return {row.task: str(row.action) for row in result.report.images}

    def others(self, result: RunResult) -> dict[str, str]:
        """Return how each other task of a run ended, by its id."""
        return {row.task: str(row.action) for row in result.report.others}
