"""A variant as the text of a Python project."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from ci.locks.project import (
    ENVIRONMENT,
    INDEX,
    Group,
    Project,
    group_name,
    preference_text,
    project_text,
)
from tests.stacks import wheel

PROJECT = Project(
    name="small-cpu",
    python="3.11",
    groups=(
        Group(name="base-in-cpu", parent="", requirements=("numpy>=2", "rich; python_version < '4'")),
        Group(name="asr-in-cpu", parent="base-in-cpu", requirements=("whisper[cuda]==1",)),
        Group(name="mux-in-cpu", parent="base-in-cpu", requirements=()),
    ),
    constraints=(("numpy", "2.0.2"),),
)


@pytest.mark.parametrize(
    ("name", "written"),
    [("Small-cpu", "Small-cpu"), ("My stack! (2)-cpu_", "My-stack-2-cpu"), ("Ünit", "nit"), ("…", "stack")],
)
def test_the_name_of_a_stack_may_be_any_text(name: str, written: str) -> None:
    assert tomllib.loads(project_text(replace(PROJECT, name=name)))["project"]["name"] == written


def test_a_group_includes_its_parents_group() -> None:
    assert tomllib.loads(project_text(PROJECT)) == {
        "project": {"name": "small-cpu", "version": "0", "requires-python": "==3.11.*"},
        "tool": {
            "uv": {
                "package": False,
                "environments": [ENVIRONMENT],
                "constraint-dependencies": ["numpy==2.0.2"],
            }
        },
        "dependency-groups": {
            "base-in-cpu": ["numpy>=2", "rich; python_version < '4'"],
            "asr-in-cpu": [{"include-group": "base-in-cpu"}, "whisper[cuda]==1"],
            "mux-in-cpu": [{"include-group": "base-in-cpu"}],
        },
    }


def test_groups_whose_names_are_one_for_uv_are_written_with_two() -> None:
    ids = ("a.b:cpu", "a-b:cpu", "a_b:cpu", "tool:cpu_", "tool:CPU", "tool:cu12.8")
    parents = ("", *map(group_name, ids))
    groups = tuple(
        Group(name=group_name(id_), parent=parent, requirements=(f"idna=={number}",))
        for number, (id_, parent) in enumerate(zip(ids, parents, strict=False))
    )
    found = tomllib.loads(project_text(replace(PROJECT, groups=groups)))["dependency-groups"]
    assert found == {
        "a.b-in-cpu": ["idna==0"],
        "a-b-in-cpu-2": [{"include-group": "a.b-in-cpu"}, "idna==1"],
        "a_b-in-cpu-3": [{"include-group": "a-b-in-cpu-2"}, "idna==2"],
        "tool-in-cpu": [{"include-group": "a_b-in-cpu-3"}, "idna==3"],
        "tool-in-CPU-2": [{"include-group": "tool-in-cpu"}, "idna==4"],
        "tool-in-cu12.8": [{"include-group": "tool-in-CPU-2"}, "idna==5"],
    }


def test_pins_are_an_earlier_lock_of_the_same_environment() -> None:
    text = preference_text(PROJECT, {"rich": wheel("rich", "14.2.0"), "numpy": wheel("numpy", "2.0.2")})
    assert tomllib.loads(text) == {
        "version": 1,
        "requires-python": "==3.11.*",
        "resolution-markers": [ENVIRONMENT],
        "supported-markers": [ENVIRONMENT],
        "package": [
            {"name": "numpy", "version": "2.0.2", "source": {"registry": INDEX}},
            {"name": "rich", "version": "14.2.0", "source": {"registry": INDEX}},
        ],
    }


def test_a_group_is_named_after_image_and_variant() -> None:
    assert group_name("base-ml:cuda") == "base-ml-in-cuda"
