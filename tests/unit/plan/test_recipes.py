from __future__ import annotations

from dataclasses import replace

from ci.plan.recipes import recipe, wheel_lists
from ci.steps.step import Files, Libraries, User, Wheels
from tests.stacks import file, image, small_stack, wheel


def test_all_files_are_one_step_that_names_none_of_them() -> None:
    files = (file("b[1].py"), file("run.sh", mode="0755"), file("contract/x.py"))
    steps = recipe(small_stack(), image("vad", "ml:cpu", files=files))
    assert [step for step in steps if isinstance(step, Files)] == [Files(target="/opt/app")]
    assert not [step for step in recipe(small_stack(), image("vad", "ml:cpu")) if isinstance(step, Files)]


def test_a_declared_layer_is_a_list_of_its_own_and_the_rest_comes_last() -> None:
    lines = tuple(wheel(name) for name in ("numpy", "nvidia-cublas", "nvidia-cudnn", "torch"))
    layers = (("nvidia-cudnn", "nvidia-cublas"), ("torch",))
    split = image("ml", "base:cpu", python_lock=lines, layers=layers)
    assert list(wheel_lists(split).items()) == [
        ("ml.nvidia-cudnn", (lines[1], lines[2])),
        ("ml.torch", (lines[3],)),
        ("ml", (lines[0],)),
    ]
    assert wheel_lists(image("ml", "base:cpu", python_lock=lines)) == {"ml": lines}


def test_an_image_without_a_rest_has_no_list_of_its_own_name() -> None:
    split = image("ml", "base:cpu", python_lock=(wheel("torch"),), layers=(("torch",),))
    assert list(wheel_lists(split)) == ["ml.torch"]


def test_each_list_is_a_step_and_the_libraries_come_after_the_last() -> None:
    stack = small_stack()
    ml = replace(stack.get("ml:cpu"), python_lock=(wheel("torch"), wheel("numpy")), layers=(("torch",),))
    steps = recipe(stack, replace(ml, libraries=("torch/lib",)))
    kinds = [step for step in steps if isinstance(step, Wheels | Libraries | User)]
    site = "/opt/venv/lib/python3.11/site-packages"
    assert [getattr(step, "name", "") for step in kinds] == ["", "ml.torch", "ml", "ml", ""]
    assert kinds[3] == Libraries(name="ml", folders=(f"{site}/torch/lib",))
