"""What the images of a plan need from outside before they can be built. Pure."""

from __future__ import annotations

from ci.plan.plan import Plan


def outside(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the tasks that bring what the images to be built need, by id, each with those before it.

    An image that adds no packages needs none, and one whose parent is an image of the stack no base. What
    fetches runs in a container on the base.
    """
    building = plan.to_build
    variants = sorted({planned.image.variant for planned in building if planned.image.python_lock})
    houses = bool(variants) or any(planned.image.apt for planned in building)
    found: dict[str, tuple[str, ...]] = {}
    if houses or any(planned.image.is_root for planned in building):
        found["base"] = ()
    if houses:
        found["debhouse"] = ("base",)
    for variant in variants:
        found[f"wheelhouse/{variant}"] = ("debhouse",)
    return found
