"""Where a shell opens: in an image of the store, or in the state before the step that failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from ci.engines.engine import Engine, Mounts, Output
from ci.errors import BuildError, CommandError, UsageError
from ci.lower.script import MOUNT
from ci.plan.plan import Plan, PlannedImage
from ci.run.build.image import build_request, shown
from ci.run.inputs.local import LocalInputs
from ci.run.inputs.staged_files import stage_files, staged
from ci.run.shell.failed_build import FailedBuild, failed_step, last_failure, one_line
from ci.run.tasks.graph import input_tasks
from ci.run.tasks.kind import BaseTask, DebhouseTask, WheelhouseTask
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace

FIRST = 2
"""Instructions before the first one of an image's own: what it starts from, as an argument, and FROM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellTarget:
    """A local image to open a shell in, what is mounted there, and the lines that are printed first."""

    image: str
    mounts: Mounts = ()
    lines: tuple[str, ...] = ()


async def shell_target(
    workspace: Workspace, engine: Engine, plan: Plan, id_: str, store: Store, say: Callable[[str], None]
) -> ShellTarget:
    """Return where a shell of the image variant `id_` of `plan` opens.

    Raises:
        UsageError: it was neither built nor did it fail at a step, or its parent is not in the store.
        BuildError: a step before the one that failed fails now.
    """
    planned = plan.get(id_)
    if planned.reference in store.ids:
        return ShellTarget(image=store.ids[planned.reference])
    failure = last_failure(workspace.state, id_, planned.key)
    build = f"`dockwright build {id_}`"
    if failure is None:
        raise UsageError(
            f"{id_}: the store has no image with its current key, and no build of this key failed",
            hint=f"run {build}",
        )
    step = _step(planned, failure)
    if step is None:
        raise UsageError(
            f"{id_}: its last build failed before its first step ({failure.reason})",
            hint=f"run {build} again",
        )
    parent = LocalInputs(workspace=workspace, engine=engine).root_image()
    if not planned.image.is_root:
        parent = plan.get(planned.image.parent).reference
        if parent not in store.ids:
            raise UsageError(
                f"{id_}: its parent is not in the store",
                hint=f"build it by `dockwright build {planned.image.parent}`",
            )
    say(f"{id_}: its last build failed ({failure.started_at}); the state before that is built again")
    inputs = await _inputs(workspace, engine, planned, failure, store)
    await stage_files(workspace, [planned.image])
    image = await _before(engine, planned, inputs, parent, step)
    return ShellTarget(
        image=image,
        mounts=_mounts(workspace, planned, inputs, step),
        lines=_lines(planned, failure, step),
    )


def _step(planned: PlannedImage, failure: FailedBuild) -> int | None:
    if failure.is_of_check:
        return len(planned.instructions)
    return failed_step(planned.instructions, failure.log) if failure.is_of_step else None


async def _inputs(
    workspace: Workspace, engine: Engine, planned: PlannedImage, failure: FailedBuild, store: Store
) -> LocalInputs:
    """Return the build inputs as the run that failed had them; missing ones are fetched."""
    inputs = LocalInputs(
        workspace=workspace, engine=engine, present=frozenset(store.ids), needed=failure.needed | {planned.id}
    )
    output = Output()
    for kind in input_tasks(Plan(base=workspace.base.kind, images=(replace(planned, action="build"),))):
        match kind:
            case BaseTask():
                await inputs.base(output)
            case DebhouseTask():
                await inputs.debhouse(output)
            case WheelhouseTask(variant=variant):
                await inputs.wheelhouse(variant, output)
            case _:
                assert_never(kind)
    return inputs


async def _before(engine: Engine, planned: PlannedImage, inputs: LocalInputs, parent: str, step: int) -> str:
    """Return the id of the image that the instructions before `step` make; layers come from the cache."""
    if step <= FIRST:
        return parent
    request = build_request(planned, inputs, parent)
    whole = step >= len(planned.instructions)
    text = "\n".join(planned.instructions[:step]) + "\n"
    try:
        return await engine.build(
            replace(request, instructions=text, labels=request.labels if whole else {}), Output()
        )
    except CommandError as error:
        raise BuildError(
            f"{planned.id}: an earlier step than the one that failed fails now\n{error.tail}"
        ) from error


def _mounts(workspace: Workspace, planned: PlannedImage, inputs: LocalInputs, step: int) -> Mounts:
    """Return what the step mounts; for one that copies, the folder that it copies from."""
    if step >= len(planned.instructions):
        return ()
    text = planned.instructions[step]
    if text.startswith("COPY "):
        return ((staged(workspace, planned.image), MOUNT, "ro"),)
    folders = inputs.folders(planned.image).items()
    return tuple((path, MOUNT, "ro") for reference, path in folders if f"from={reference}," in text)


def _lines(planned: PlannedImage, failure: FailedBuild, step: int) -> tuple[str, ...]:
    count = len(planned.instructions) - 1
    if step >= len(planned.instructions):
        return (f"{planned.id}: all {count} steps succeed; then: {failure.reason}",)
    text = planned.instructions[step]
    command = text
    if text.startswith("RUN "):
        command = text.removeprefix("RUN ")
        while command.startswith("--"):
            command = command.partition(" ")[2].lstrip(" \\\n")
    where = f" ({MOUNT} has the packages that the step mounts)" if "--mount=" in text else ""
    where = f" ({MOUNT} is the folder that the step copies from)" if text.startswith("COPY ") else where
    return (
        f"{planned.id}: this is before step {step} of {count}, which failed: {shown(one_line(text))}",
        f"to run the step by hand{where}:",
        *(f"  {line}" for line in command.splitlines()),
    )
