"""The tasks that a plan comes to, with what each one waits for and about how long it takes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import assert_never

from ci.plan.plan import Plan, PlannedImage
from ci.plan.recipes import apt_list
from ci.run.tasks.history import History
from ci.run.tasks.kind import (
    BaseTask,
    DebhouseTask,
    ImageTask,
    InputTask,
    PushTask,
    TaskKind,
    WheelhouseTask,
    task_id,
)
from ci.run.tasks.task import Task
from ci.wheelhouse.input_document import compiles

PUSH_S = 2.0
"""A guess for the push of one image."""


def tasks(plan: Plan, history: History, pushed: Sequence[PlannedImage] = ()) -> tuple[Task, ...]:
    """Return the tasks of `plan`: inputs first, and only those that an image to be built needs.

    An image of `pushed` is pushed after its parent, so that the layers which they share are sent once.
    """
    found: list[Task] = []
    seen: set[str] = set()
    inputs = input_tasks(plan)
    for kind, needs in inputs.items():
        expected = history.expected_s(task_id(kind), otherwise=_guess_s(kind))
        found.append(Task(kind=kind, needs=_ids(needs), expected_s=expected))
    for planned in plan.images:
        needs = () if planned.image.is_root else (ImageTask(planned.image.parent),)
        if planned.action == "build":
            needs = (*needs, *_inputs_of(planned, inputs))
        found.append(
            Task(
                kind=ImageTask(planned.id),
                needs=_ids(needs),
                expected_s=expected_s(planned, history, seen),
                image=planned.image.image,
                variant=planned.image.variant,
                key=planned.key,
            )
        )
    ids = {planned.id for planned in pushed}
    for planned in pushed:
        parent = planned.image.parent
        above = (PushTask(parent),) if parent in ids else ()
        needs = (ImageTask(planned.id), *above)
        found.append(Task(kind=PushTask(planned.id), needs=_ids(needs), expected_s=PUSH_S))
    return tuple(found)


def _ids(kinds: Collection[TaskKind]) -> tuple[str, ...]:
    return tuple(task_id(kind) for kind in kinds)


def _guess_s(kind: InputTask) -> float:
    match kind:
        case BaseTask():
            return 35.0
        case DebhouseTask():
            return 8.0
        case WheelhouseTask():
            return 40.0
        case _:
            assert_never(kind)


def _inputs_of(planned: PlannedImage, inputs: Collection[InputTask]) -> tuple[InputTask, ...]:
    """Return the last of `inputs` that the image waits for; they wait for each other."""
    image = planned.image
    wanted: InputTask
    if image.needs_wheelhouse:
        wanted = WheelhouseTask(image.variant)
    elif image.apt:
        wanted = DebhouseTask()
    else:
        return ()
    return (wanted,) if wanted in inputs else ()


def expected_s(planned: PlannedImage, history: History, seen: set[str]) -> float:
    """Return about how long an image takes: as last time, else by what it installs.

    An image on the same parent with the same Debian packages as an earlier one takes little, and should come
    after it; `seen` is filled with the lists of packages. The weights are those of a machine with 2 cores;
    only their order matters.
    """
    image = planned.image
    if planned.action != "build":
        return 0.0
    debs, wheels = len(image.apt_lock), len(image.python_lock)
    name = f"{image.parent} {apt_list(image.apt, image.apt_lock)}"
    if debs and name in seen:
        return 4.0 + 1.2 * wheels
    seen.add(name)
    return history.expected_s(planned.id, otherwise=4.0 + 0.15 * debs + 1.2 * wheels)


def input_tasks(plan: Plan) -> dict[InputTask, tuple[TaskKind, ...]]:
    """Return the tasks that get the inputs of the images to be built, each with the tasks before it.

    An image that adds no packages needs none, and one whose parent is an image of the stack needs no base.
    Files are fetched in a container: of the base, or of a root image that the run fetches anyway.
    """
    building = plan.to_build
    variants = sorted({planned.image.variant for planned in building if planned.image.needs_wheelhouse})
    packages = bool(variants) or any(planned.image.apt for planned in building)
    root = fetched_root(plan)
    found: dict[InputTask, tuple[TaskKind, ...]] = {}
    if (packages and root is None) or any(planned.image.is_root for planned in building):
        found[BaseTask()] = ()
    if packages:
        found[DebhouseTask()] = (BaseTask(),) if root is None else (ImageTask(root.id),)
    for variant in variants:
        found[WheelhouseTask(variant)] = (DebhouseTask(),)
    return found


def fetched_root(plan: Plan) -> PlannedImage | None:
    """Return the root image that comes from a registry and in whose container inputs can be fetched.

    Such an image has Python and apt as the base has them. What compiles is built on the base itself.
    """
    building = plan.to_build
    if any(planned.image.is_root for planned in building):
        return None
    if compiles(planned.image for planned in building):
        return None
    return next((one for one in plan.images if one.image.is_root and one.action == "fetch"), None)
