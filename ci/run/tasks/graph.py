"""The tasks that a plan comes to, with what each one waits for and about how long it takes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ci.plan.plan import Plan, PlannedImage
from ci.plan.recipes import apt_list
from ci.run.tasks.durations import History
from ci.run.tasks.task import Task
from ci.wheelhouse.input_document import compiles

GUESS_S = {"base": 35.0, "debhouse": 8.0, "wheelhouse": 40.0, "push": 2.0}


def tasks(plan: Plan, history: History, pushed: Sequence[PlannedImage] = ()) -> tuple[Task, ...]:
    """Return the tasks of `plan`: what comes from outside first, only where something is built of it.

    What is `pushed` goes after its parent, so that what they share is sent once.
    """
    found: list[Task] = []
    seen: set[str] = set()
    before = outside(plan)
    for name, needs in before.items():
        guess = GUESS_S[name.partition("/")[0]]
        found.append(Task(id=name, needs=needs, expected_s=history.expected_s(name, otherwise=guess)))
    for planned in plan.images:
        needs = () if planned.image.is_root else (planned.image.parent,)
        if planned.action == "build":
            needs = (*needs, *_houses(planned, before))
        found.append(
            Task(
                id=planned.id,
                needs=needs,
                expected_s=expected_s(planned, history, seen),
                image=planned.image.image,
                variant=planned.image.variant,
                key=planned.key,
            )
        )
    ids = {planned.id for planned in pushed}
    for planned in pushed:
        above = (f"{PUSH}{planned.image.parent}",) if planned.image.parent in ids else ()
        found.append(Task(id=f"{PUSH}{planned.id}", needs=(planned.id, *above), expected_s=GUESS_S["push"]))
    return tuple(found)


def _houses(planned: PlannedImage, before: Collection[str]) -> tuple[str, ...]:
    image = planned.image
    wheels = (f"wheelhouse/{image.variant}",) if image.python_lock else ()
    debs = ("debhouse",) if image.apt and not wheels else ()
    base = ("base",) if image.is_root and not wheels and not debs else ()
    return tuple(name for name in (*wheels, *debs, *base) if name in before)


def expected_s(planned: PlannedImage, history: History, seen: set[str]) -> float:
    """Return about how long an image takes: as last time, else by what it installs.

    An image whose Debian packages a twin on the same parent brings takes little, and should come after it;
    `seen` remembers the twins. The weights are those of a machine with 2 cores; only their order matters.
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


PUSH = "push/"
"""Begins the id of a task that pushes an image."""


def outside(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the tasks that bring what the images to be built need, by id, each with those before it.

    An image that adds no packages needs none, and one whose parent is an image of the stack no base. What
    fetches runs in a container: on the base, or on a root image that the run has anyway.
    """
    building = plan.to_build
    variants = sorted({planned.image.variant for planned in building if planned.image.python_lock})
    houses = bool(variants) or any(planned.image.apt for planned in building)
    root = fetched_root(plan)
    found: dict[str, tuple[str, ...]] = {}
    if (houses and root is None) or any(planned.image.is_root for planned in building):
        found["base"] = ()
    if houses:
        found["debhouse"] = ("base",) if root is None else (root.id,)
    for variant in variants:
        found[f"wheelhouse/{variant}"] = ("debhouse",)
    return found


def fetched_root(plan: Plan) -> PlannedImage | None:
    """Return the root image that comes from a registry and will do for what fetches.

    Such an image has Python and apt as the base has them. What compiles is built on the base itself.
    """
    building = plan.to_build
    if any(planned.image.is_root for planned in building):
        return None
    if compiles(planned.image for planned in building):
        return None
    return next((one for one in plan.images if one.image.is_root and one.action == "fetch"), None)
