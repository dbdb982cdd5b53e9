"""What the images of a plan need from outside before they can be built. Pure."""

from __future__ import annotations

from ci.plan.plan import Plan, PlannedImage
from ci.wheelhouse.input_document import compiles


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
