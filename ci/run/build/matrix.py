"""What a workflow has to know before it starts a job: what to build, by level, and the disk for it. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ci.catalog.stack import Stack
from ci.plan.levels import large_images, levels
from ci.plan.plan import Plan, PlannedImage
from ci.run.estimate.file_system import Where
from ci.run.estimate.needs import ON_DISK, PACKED, Available, estimate, own_bytes
from ci.run.workspace.image_record import ImageRecord

GB = 10**9
FOLDERS: tuple[Where, ...] = ("store", "temporary files", "state")
"""All on the one disk of a runner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Images of one job: `image:variant` in build order.

    `disk_gb` must be free where they are built, `smoke_gb` where they are only fetched; `large` says that one
    of them, or an image that it is based on, has a wheel of 100 MB or more.
    """

    images: tuple[str, ...]
    disk_gb: int = 0
    smoke_gb: int = 0
    large: bool = False

    @property
    def text(self) -> str:
        """The images, separated by commas; empty without images."""
        return ",".join(self.images)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The jobs of a workflow: `whole` builds all in one, `levels` one after another, the empty ones too.

    `checks` are the images of `whole` and those that the registry has, but whose present checks are not known
    to have passed.
    """

    base: str
    whole: Job
    levels: tuple[Job, ...]
    checks: Job

    def as_json(self) -> dict[str, Any]:
        """Return the value that `matrix` prints; schema 1."""
        return {
            "schema": 1,
            "base": self.base,
            **_job_json(self.whole),
            "checks": _job_json(self.checks),
            "levels": [{"level": number, **_job_json(job)} for number, job in enumerate(self.levels)],
        }

    @property
    def text(self) -> str:
        """What `matrix` prints."""
        return json.dumps(self.as_json(), indent=2) + "\n"

    def output_lines(self) -> tuple[str, ...]:
        """Return the same as lines of a step's outputs, `name=value`.

        Source: GitHub Actions, workflow commands: a value of one line stands after `name=`.
        """
        levels = {f"level-{number}": job for number, job in enumerate(self.levels)}
        jobs = {"images": self.whole, "checks": self.checks, **levels}
        lines = [f"base={self.base}"]
        for name, job in jobs.items():
            lines += [
                f"{name}={job.text}",
                f"{name}-disk-gb={job.disk_gb}",
                f"{name}-smoke-gb={job.smoke_gb}",
                f"{name}-large={'true' if job.large else 'false'}",
            ]
        return tuple(lines)


def matrix(
    stack: Stack,
    plan: Plan,
    *,
    remote: Mapping[str, int],
    capacity: int,
    unchecked: Collection[str] = (),
    floor_bytes: int = 0,
) -> Matrix:
    """Return the jobs that build `plan`, each on an empty machine that runs `capacity` tasks at once.

    `remote` are the bytes, unpacked, of what the registry has, by `image:variant`. A level finds there what
    the levels before it pushed. `unchecked` are images of the registry that are checked again.
    `floor_bytes` is to stay free besides.
    """

    def job(images: tuple[str, ...], available: Mapping[str, int]) -> Job:
        if not images:
            return Job(images=())
        return Job(
            images=images,
            disk_gb=_gb(_build_bytes(stack, plan, images, available, capacity) + floor_bytes),
            smoke_gb=_gb(_fetch_bytes(stack, own, images, sizes) + floor_bytes),
            large=not large.isdisjoint(images),
        )

    own = {image.id: own_bytes(image) for image in stack.images}
    sizes: dict[str, int] = {}
    for image in stack.images:  # parents come first
        sizes[image.id] = own[image.id] + sizes.get(image.parent, 0)
    large = large_images(stack)
    pushed = {**sizes, **remote}
    whole = job(tuple(planned.id for planned in plan.to_build), remote)
    building = frozenset(whole.images)
    again = tuple(one.id for one in plan.images if one.id in unchecked and one.id not in building)
    either = building.union(again)
    both = tuple(one.id for one in plan.images if one.id in either)
    again_bytes = _fetch_bytes(stack, own, again, sizes) + (0 if building else floor_bytes)
    checks = Job(
        images=both,
        disk_gb=whole.disk_gb + _gb(again_bytes),
        smoke_gb=_gb(_fetch_bytes(stack, own, both, sizes) + floor_bytes) if both else 0,
        large=not large.isdisjoint(both),
    )
    return Matrix(
        base=plan.base,
        whole=whole,
        levels=tuple(job(images, pushed) for images in levels(stack, plan)),
        checks=checks if again else whole,
    )


def _build_bytes(
    stack: Stack, whole: Plan, images: Sequence[str], remote: Mapping[str, int], capacity: int
) -> int:
    """Return the most bytes that building `images` takes where nothing is; their parents are fetched."""
    built = frozenset(images)
    parents = dict.fromkeys(
        planned.image.parent for planned in map(whole.get, images) if not planned.image.is_root
    )
    fetched = [whole.get(id_) for id_ in parents if id_ not in built]
    plan = Plan(
        base=whole.base,
        images=(
            *(replace(planned, action="fetch") for planned in fetched),
            *(replace(whole.get(id_), action="build") for id_ in images),
        ),
    )
    nothing = Available(
        fetched=(), images=(), built=_no_record, earlier=_no_record, root_image="", remote=remote
    )
    return estimate(stack, plan, nothing, capacity=capacity).peak(FOLDERS)


def _fetch_bytes(
    stack: Stack, own: Mapping[str, int], images: Sequence[str], sizes: Mapping[str, int]
) -> int:
    """Return about what `images` take where they are only fetched: each layer once, packed and unpacked.

    `own` are the bytes of the layers that each image adds to its parent, `sizes` those of all its layers.
    """
    if len(images) == 1:
        return int(sizes[images[0]] * (ON_DISK + PACKED))
    once: set[str] = set()
    for id_ in images:
        at = id_
        while at in own and at not in once:
            once.add(at)
            at = stack.get(at).parent
    return int(sum(own[id_] for id_ in once) * (ON_DISK + PACKED))


def _gb(size_bytes: int) -> int:
    return math.ceil(size_bytes / GB)


def _job_json(job: Job) -> dict[str, Any]:
    return {
        "images": job.text,
        "disk_gb": job.disk_gb,
        "smoke_gb": job.smoke_gb,
        "large": job.large,
    }


def _no_record(_planned: PlannedImage) -> ImageRecord | None:
    return None
