"""The kinds of task that a run can have, and the id by which each one is shown and recorded. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never


@dataclass(frozen=True, slots=True)
class BaseTask:
    """Bring the image that root images start from into the store."""


@dataclass(frozen=True, slots=True)
class DebhouseTask:
    """Fetch the Debian packages."""


@dataclass(frozen=True, slots=True)
class WheelhouseTask:
    """Fetch the wheels of one variant; compile those that have only an sdist."""

    variant: str


@dataclass(frozen=True, slots=True)
class ImageTask:
    """Build, fetch, name or check one image variant, as its action in the plan says."""

    image: str
    """`image:variant`."""


@dataclass(frozen=True, slots=True)
class PushTask:
    """Push one image variant to the registry."""

    image: str
    """`image:variant`."""


InputTask: TypeAlias = BaseTask | DebhouseTask | WheelhouseTask
"""Gets what images are built from."""

TaskKind: TypeAlias = InputTask | ImageTask | PushTask


def task_id(kind: TaskKind) -> str:
    """Return the id of a task: unique in its run, the same in every run. Nothing reads a kind from an id."""
    match kind:
        case BaseTask():
            return "base-system"
        case DebhouseTask():
            return "debhouse"
        case WheelhouseTask(variant=variant):
            return f"wheelhouse/{variant}"
        case ImageTask(image=image):
            return image
        case PushTask(image=image):
            return f"push/{image}"
        case _:
            assert_never(kind)
