"""The tasks that a plan comes to, with what each one waits for and about how long it takes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ci.plan.plan import Plan, PlannedImage
from ci.plan.recipes import apt_list
from ci.run.build.registry_tasks import PUSH
from ci.run.outside import outside
from ci.run.tasks.durations import History
from ci.run.tasks.task import Task

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
