from __future__ import annotations

from dataclasses import replace

from ci.plan.recipes import copies_of, recipe, wheel_lists
from ci.steps.step import Copy, Libraries, User, Wheels
from tests.stacks import file, image, small_stack, wheel


def test_files_of_one_folder_and_mode_are_one_copy() -> None:
    files = (file("b.py"), file("a.py"), file("run.sh", mode="0755"), file("contract/x.py"))
    assert copies_of(files) == (
        Copy(sources=("a.py", "b.py"), target="/opt/app/", mode="0644"),
        Copy(sources=("run.sh",), target="/opt/app/", mode="0755"),
        Copy(sources=("contract/x.py",), target="/opt/app/contract/", mode="0644"),
    )


def test_a_renamed_file_is_copied_to_its_whole_path() -> None:
    renamed = replace(file("a.py"), target="/opt/app/main.py")
    assert copies_of((renamed,)) == (Copy(sources=("a.py",), target="/opt/app/main.py", mode="0644"),)


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
