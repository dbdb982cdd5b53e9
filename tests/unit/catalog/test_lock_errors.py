"""Locks that are absent, old, edited or incomplete."""

from __future__ import annotations

import re

import pytest

from ci.catalog.lockfile import EDITED
from tests.unit.catalog.folder import StackFolder


def test_every_missing_lock_is_told(stack: StackFolder) -> None:
    locks = sorted(path.relative_to(stack.path).as_posix() for path in stack.path.glob("**/*.lock"))
    assert len(locks) == 6
    for lock in locks:
        (stack.path / lock).unlink()
    assert stack.errors == [f"docker/{lock}: no lock; run `dockwright lock`" for lock in locks]


def test_a_lock_older_than_its_requirements_is_told(stack: StackFolder) -> None:
    stack.append("tool/requirements.in", "tqdm\n")
    assert stack.errors == [
        "docker/tool/requirements.lock: inputs: stale: requirements.in has changed; run `dockwright lock`"
    ]


def test_a_comment_in_the_requirements_ages_the_lock_too(stack: StackFolder) -> None:
    stack.append("tool/requirements.in", "# why\n")
    assert [line.split(": ")[1] for line in stack.errors] == ["inputs"]


def test_a_debian_lock_older_than_its_list_is_told(stack: StackFolder) -> None:
    stack.edit("base/image.toml", '["tini"]', '["tini", "curl"]')
    stack.edit("stack.toml", '["g++"]', '["gcc"]')
    stack.edit("stack.toml", '"tzdata"', '"netbase"')
    assert stack.errors == [
        "docker/base/apt.lock: inputs: stale: image.toml has changed; run `dockwright lock`",
        "docker/bootstrap.lock: inputs: stale: stack.toml has changed; run `dockwright lock`",
        ("docker/wheelhouse.apt.lock: inputs: stale: stack.toml has changed; run `dockwright lock`"),
    ]


def test_the_order_of_a_list_of_packages_does_not_age_its_lock(stack: StackFolder) -> None:
    stack.edit("stack.toml", '["python3", "tzdata"]', '["tzdata", "python3"]')
    stack.load()


def test_a_lock_of_the_wheelhouse_older_than_its_requirements_is_told(stack: StackFolder) -> None:
    stack.append("wheelhouse.in", "cython\n")
    assert stack.errors == [
        "docker/wheelhouse.lock: inputs: stale: wheelhouse.in has changed; run `dockwright lock`"
    ]


def test_a_lock_that_misses_what_is_asked_for_is_told(stack: StackFolder) -> None:
    stack.python("tool/requirements.in", "tool/requirements.lock", ["scipy", "Py_Sub.S2"], locked=["scipy"])
    stack.python("wheelhouse.in", "wheelhouse.lock", ["pip", "wheel"], locked=["pip"])
    assert stack.errors == [
        (
            "docker/tool/requirements.lock: py-sub-s2: required by requirements.in, but no lock pins "
            "it; run `dockwright lock`"
        ),
        (
            "docker/wheelhouse.lock: wheel: required by wheelhouse.in, but no lock pins it; run "
            "`dockwright lock`"
        ),
    ]


def test_an_edited_line_of_a_lock_is_told_with_its_number(stack: StackFolder) -> None:
    stack.append("tool/requirements.lock", "tqdm==4\n")
    stack.append("base/apt.lock", "curl=8 amd64\n")
    assert stack.errors == [
        (
            "docker/base/apt.lock: line 6: not of the form `NAME=VERSION ARCH sha256:HEX SIZE PATH`:"
            " curl=8 amd64; run `dockwright lock`"
        ),
        (
            "docker/tool/requirements.lock: line 6: not of the form `NAME==VERSION --hash=sha256:HEX #"
            " FILENAME SIZE`: tqdm==4; run `dockwright lock`"
        ),
    ]


@pytest.mark.parametrize("lock", ["tool/requirements.lock", "base/apt.lock", "bootstrap.lock"])
@pytest.mark.parametrize("edit", ["hash", "version", "out"])
def test_a_line_that_was_changed_or_taken_out_by_hand_is_told(
    stack: StackFolder, lock: str, edit: str
) -> None:
    file = stack.path / lock
    *rows, last = file.read_text().splitlines()
    changed = {
        "hash": [re.sub("sha256:[0-9a-f]{4}", "sha256:0000", last)],
        "version": [re.sub("=1[.]0", "=1.1", last)],
        "out": [],
    }
    assert changed[edit] != [last]
    file.write_text("\n".join([*rows, *changed[edit], ""]))
    told = f"docker/{lock}: line 4: {EDITED}; run `dockwright lock`"
    assert told in stack.errors


def test_a_distribution_twice_in_one_lock_is_told(stack: StackFolder) -> None:
    line = (stack.path / "tool/requirements.lock").read_text().splitlines()[-1]
    stack.append("tool/requirements.lock", line.replace("==1.0", "==2.0") + "\n")
    assert stack.errors == [
        "docker/tool/requirements.lock: line 6: 'scipy' is twice in this lock; run `dockwright lock`"
    ]


def test_a_line_that_is_not_a_requirement_is_told(stack: StackFolder) -> None:
    asked = "scipy\n--index-url https://example.org\nx @ https://example.org/x.whl\n-r other.in\n"
    stack.write("tool/requirements.in", asked)
    stack.relock("tool/requirements.in", "tool/requirements.lock", ["scipy"])
    assert stack.errors == [
        (
            "docker/tool/requirements.in: line 2: '--index-url https://example.org' is an option; "
            "list requirements only"
        ),
        (
            "docker/tool/requirements.in: line 3: 'x @ https://example.org/x.whl' is not a "
            "requirement of an index; write NAME, NAME==VERSION or a version range"
        ),
        ("docker/tool/requirements.in: line 4: '-r other.in' is an option; list requirements only"),
    ]


def test_a_missing_wheelhouse_file_is_told_once(stack: StackFolder) -> None:
    (stack.path / "wheelhouse.in").unlink()
    assert stack.errors == ["docker/wheelhouse.in: no such file; add it"]


def test_a_layer_names_what_the_variant_adds_and_nothing_twice(stack: StackFolder) -> None:
    stack.append(
        "tool/image.toml",
        '[variant.cpu]\nlayers = [["SciPy", "scipi"], ["scipy"]]\nlibraries = ["/a", "b/*/lib"]\n',
    )
    file = "docker/tool/image.toml: variant.cpu"
    assert stack.errors == [
        f"{file}.libraries[0]: '/a' is not valid; write a folder, such as nvidia/*/lib",
        f"{file}.layers[0]: this variant does not add 'scipi'; did you mean 'scipy'? Known: scipy",
        f"{file}.layers[1]: duplicate: 'scipy' is already in a layer; remove one",
    ]


def test_declared_layers_are_read_by_normalised_name(stack: StackFolder) -> None:
    stack.append("tool/image.toml", '[variant.cpu]\nlayers = [["SciPy"]]\nlibraries = ["torch/lib"]\n')
    tool = stack.load().get("tool:cpu")
    assert (tool.layers, tool.libraries) == ((("scipy",),), ("torch/lib",))
