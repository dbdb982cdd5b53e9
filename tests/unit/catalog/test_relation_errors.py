"""Errors between images: parents, cycles, deltas, programs."""

from __future__ import annotations

from dataclasses import fields

import pytest

from ci.catalog.stack import Budget
from tests.unit.catalog.folder import StackFolder


def test_a_missing_parent_is_answered_with_the_one_that_was_meant(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", 'cpu = "base"', 'cpu = "bass:cpu"')
    assert stack.errors == [
        "docker/tool/image.toml: parent.cpu: no image 'bass'; did you mean 'base'? Known: base, tool"
    ]


def test_a_parent_without_the_variant_is_refused(stack: StackFolder) -> None:
    stack.write("mid/image.toml", 'title = "T"\ndescription = "D"\n[parent]\ncuda = "tool"\n')
    assert stack.errors == [
        (
            "docker/mid/image.toml: parent.cuda: image 'tool' has no variant 'cuda', only cpu; give it that"
            " variant in tool/image.toml, or choose another parent"
        )
    ]


def test_a_missing_outside_parent_is_answered_with_the_one_that_was_meant(stack: StackFolder) -> None:
    stack.edit("base/image.toml", "outside:python", "outside:pyton")
    assert stack.errors == [
        (
            "docker/base/image.toml: parent.cpu: bases.lock.toml has no 'pyton'; did you mean 'python'?"
            " Known: python"
        )
    ]


def test_cyclic_parents_are_told_once_with_the_whole_cycle(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", 'cpu = "base"', 'cpu = "turn"')
    stack.write("turn/image.toml", 'title = "T"\ndescription = "D"\n[parent]\ncpu = "tool"\n')
    stack.write("under/image.toml", 'title = "T"\ndescription = "D"\n[parent]\ncpu = "turn"\n')
    assert stack.errors == [
        (
            "docker/tool/image.toml: parent.cpu: cyclic: tool:cpu -> turn:cpu -> tool:cpu; give one of them"
            " another parent"
        )
    ]


def test_an_image_that_is_its_own_parent_is_a_cycle(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", 'cpu = "base"', 'cpu = "tool"')
    assert stack.errors == [
        ("docker/tool/image.toml: parent.cpu: cyclic: tool:cpu -> tool:cpu; give one of them another parent")
    ]


def test_a_stack_in_which_nothing_starts_from_outside_has_no_root(stack: StackFolder) -> None:
    stack.edit("base/image.toml", "outside:python", "tool")
    assert stack.errors == [
        'docker: no root image; give one image a parent "outside:NAME" of bases.lock.toml',
        (
            "docker/base/image.toml: parent.cpu: cyclic: base:cpu -> tool:cpu -> base:cpu; give one of them"
            " another parent"
        ),
    ]


def test_an_image_without_a_variant_is_refused(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", 'cpu = "base"\n', "")
    stack.append("tool/image.toml", "[variant.cpu]\n[budget]\nunpacked_mb = { cpu = 1 }\n")
    assert stack.errors == [
        (
            "docker/tool/image.toml: parent: no variant; give at least one variant its parent, such as"
            ' cpu = "base:cpu"'
        )
    ]


def test_an_unknown_variant_is_answered_with_the_one_that_was_meant(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", 'cpu = "base"', 'cpu = "base"\ncudda = "base:cuda"')
    assert stack.errors == [
        (
            "docker/tool/image.toml: parent.cudda: unknown variant 'cudda'; did you mean 'cuda'?"
            " Known: cpu, cuda"
        )
    ]


def test_an_unknown_variant_of_the_root_is_told_once(stack: StackFolder) -> None:
    stack.edit("base/image.toml", 'cpu = "outside:python"\ncuda = "base:cpu"', 'cpuu = "outside:python"')
    stack.edit("base/image.toml", '[variant.cuda]\nenv = { GPU = "all" }\n', "")
    stack.edit("tool/image.toml", 'cpu = "base"', 'cpu = "base:cpuu"')
    assert [line.split(": ")[:2] for line in stack.errors] == [["docker/base/image.toml", "parent.cpuu"]]


def test_a_table_of_a_variant_that_the_image_lacks_is_refused(stack: StackFolder) -> None:
    stack.append("tool/image.toml", "[variant.cpuu]\n")
    assert stack.errors == [
        (
            "docker/tool/image.toml: variant.cpuu: this image has no variant 'cpuu'; did you mean 'cpu'?"
            " Known: cpu"
        )
    ]


@pytest.mark.parametrize("name", [field.name for field in fields(Budget)])
def test_a_budget_of_a_variant_that_the_image_lacks_is_refused(stack: StackFolder, name: str) -> None:
    stack.append("tool/image.toml", f"[budget]\n{name} = {{ cuda = 5 }}\n")
    assert stack.errors == [
        f"docker/tool/image.toml: budget.{name}.cuda: this image has no variant 'cuda'; Known: cpu"
    ]


def test_requirements_of_a_variant_that_the_image_lacks_are_refused(stack: StackFolder) -> None:
    stack.write("tool/requirements.cup.in", "x\n")
    assert stack.errors == [
        ("docker/tool/requirements.cup.in: this image has no variant 'cup'; did you mean 'cpu'? Known: cpu")
    ]


def test_a_delta_that_pins_a_distribution_of_its_parent_again_names_both_files(stack: StackFolder) -> None:
    stack.relock("tool/requirements.in", "tool/requirements.lock", ["numpy", "scipy"])
    assert stack.errors == [
        (
            "docker/tool/requirements.lock: numpy: base/requirements.lock already pins 1.0, and a "
            "delta only adds to its parent; run `dockwright lock`"
        )
    ]


def test_a_delta_that_pins_a_debian_package_of_its_parent_again_names_both_files(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", "[parent]", 'apt = ["ffmpeg"]\n[parent]')
    stack.apt_lock("tool/apt.lock", ["ffmpeg"], locked=["ffmpeg", "tini"])
    assert stack.errors == [
        (
            "docker/tool/apt.lock: tini: base/apt.lock already pins 1.0-1, and a delta only adds to "
            "its parent; run `dockwright lock`"
        )
    ]


def test_a_grandparent_counts_as_much_as_a_parent(stack: StackFolder) -> None:
    stack.write("leaf/image.toml", 'title = "T"\ndescription = "D"\n[parent]\ncpu = "tool"\n')
    stack.python("leaf/requirements.in", "leaf/requirements.lock", ["numpy"])
    assert [line.split(": ")[:2] for line in stack.errors] == [["docker/leaf/requirements.lock", "numpy"]]


def test_siblings_may_pin_the_same_distribution(stack: StackFolder) -> None:
    stack.write("leaf/image.toml", 'title = "T"\ndescription = "D"\n[parent]\ncpu = "base"\n')
    stack.python("leaf/requirements.in", "leaf/requirements.lock", ["scipy"])
    assert [image.requirements for image in stack.load().images if image.image != "base"] == [("scipy",)] * 2


def test_a_file_that_a_parent_gives_already_is_refused(stack: StackFolder) -> None:
    stack.write("tool/other.py", "")
    stack.append("tool/image.toml", '[[files]]\nsource = "other.py"\ntarget = "/opt/app/contract/stage.py"\n')
    assert stack.errors == [
        (
            "docker/tool/image.toml: files: the parent base:cpu (base/image.toml) already has the "
            "target /opt/app/contract/stage.py, and a layer only adds to those below; choose another "
            "target"
        )
    ]


def test_a_program_that_no_file_gives_is_refused(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", '"/opt/app/tool.py"]', '"/opt/app/tol.py"]')
    assert stack.errors == [
        (
            "docker/tool/image.toml: entrypoint[1]: no [[files]] of this image or of a parent has the"
            " target /opt/app/tol.py; did you mean '/opt/app/tool.py'? Add it to [[files]]"
        )
    ]


def test_a_program_of_a_parent_may_be_started(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", '"/opt/app/tool.py"]', '"/opt/app/contract/stage.py", "/opt/app/contract"]')
    assert stack.load().get("tool:cpu").entrypoint[1] == "/opt/app/contract/stage.py"


def test_a_program_that_is_started_itself_can_be_executed(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", '["python", "/opt/app/tool.py"]', '["/opt/app/tool.py"]')
    assert stack.errors == [
        (
            "docker/tool/image.toml: entrypoint[0]: /opt/app/tool.py has the mode 0644 and can't be "
            "started; give it the mode 0755 in [[files]]"
        )
    ]
    stack.append("tool/image.toml", 'mode = "0755"\n')
    stack.load()


def test_an_outside_parent_of_a_stack_that_names_none_is_told(stack: StackFolder) -> None:
    stack.write("bases.lock.toml", "")
    assert stack.errors == [
        "docker/base/image.toml: parent.cpu: bases.lock.toml has no 'python'; None is known"
    ]
