from __future__ import annotations

from dataclasses import replace

from ci.plan.levels import LARGE_WHEEL_BYTES, distances, large_images, levels
from ci.plan.plan import Inventory, Plan, make_plan
from tests.stacks import small_stack, wheel, with_image

STACK = small_stack()
ALL = tuple(image.id for image in STACK.images)


def plan(*remote: str, selected: tuple[str, ...] = ALL) -> Plan:
    return make_plan(STACK, Inventory(remote=remote), base="bootstrap", selected=selected)


def test_a_level_is_the_distance_from_the_root() -> None:
    assert distances(STACK) == {"base:cpu": 0, "ml:cpu": 1, "mux:cpu": 1, "asr:cpu": 2, "vad:cpu": 2}
    assert levels(STACK, plan()) == (("base:cpu",), ("ml:cpu", "mux:cpu"), ("asr:cpu", "vad:cpu"))


def test_an_image_needs_images_of_lower_levels_alone() -> None:
    found = levels(STACK, plan())
    for number, ids in enumerate(found):
        below = {id_ for level in found[:number] for id_ in level}
        assert {image.parent for image in STACK.images if image.id in ids and not image.is_root} <= below


def test_a_level_with_nothing_to_build_is_there_and_empty() -> None:
    assert levels(STACK, plan("base:cpu", "ml:cpu", "mux:cpu")) == ((), (), ("asr:cpu", "vad:cpu"))
    assert levels(STACK, plan(*ALL)) == ((), (), ())
    assert levels(STACK, plan(selected=("base:cpu",))) == (("base:cpu",), (), ())


def test_what_stands_on_a_large_wheel_is_large() -> None:
    torch = replace(wheel("torch"), size=LARGE_WHEEL_BYTES)
    stack = with_image(STACK, "ml:cpu", python_lock=(torch,))
    assert [id_ for id_ in ALL if id_ in large_images(stack)] == ["ml:cpu", "asr:cpu", "vad:cpu"]
