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
    found: list[list[str]] = [[] for _ in range(max(far.values(), default=-1) + 1)]
    for planned in plan.to_build:
        found[far[planned.id]].append(planned.id)
    return tuple(map(tuple, found))


def large_images(stack: Stack) -> frozenset[str]:
    """Return the image variants with a wheel of `LARGE_WHEEL_BYTES` or more, and all based on them."""
    found: set[str] = set()
    for image in stack.images:  # parents come first
        own = any(line.size >= LARGE_WHEEL_BYTES for line in image.python_lock)
        if own or image.parent in found:
            found.add(image.id)
    return frozenset(found)
