"""The images of a plan that have to be built, by level: all of one can be built at once. Pure."""

from __future__ import annotations

from ci.catalog.stack import Stack
from ci.plan.plan import Plan

LARGE_WHEEL_BYTES = 100_000_000
"""An image with a wheel of that size, such as torch's, is large, and so are all that are based on it."""


def distances(stack: Stack) -> dict[str, int]:
    """Return the number of ancestors of each image variant in the stack: 0 for a root image."""
    found: dict[str, int] = {}
    for image in stack.images:  # parents come first
        found[image.id] = 0 if image.is_root else found[image.parent] + 1
    return found


def levels(stack: Stack, plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Return the ids to build by distance from the root, empty levels too, as many as the stack has.

    An image needs images of lower levels alone.
    """
    far = distances(stack)
    return tuple(
        tuple(planned.id for planned in plan.to_build if far[planned.id] == level)
        for level in range(max(far.values(), default=-1) + 1)
    )


def is_large(stack: Stack, id_: str) -> bool:
    """Whether the image variant `id_` or an ancestor has a wheel of at least `LARGE_WHEEL_BYTES`."""
    return any(line.size >= LARGE_WHEEL_BYTES for image in stack.lineage(id_) for line in image.python_lock)
