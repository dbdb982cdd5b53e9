"""A stack read for locking, and its locks held against what they answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.errors import CatalogError, LockError
from ci.locks.loading import check_locks, load_unlocked
from ci.locks.request import apt_requests, python_requests
from tests.unit.catalog.folder import StackFolder, with_hints


@pytest.fixture
def stack(tmp_path: Path) -> StackFolder:
    """A stack whose locks hold, each with the title that `dockwright lock` gives it."""
    folder = StackFolder(tmp_path)
    for request in python_requests(folder.path, folder.load()):
        folder.edit(request.lock, "# A title.", f"# {request.title}")
    return folder


def complaints(stack: StackFolder) -> list[str]:
    with pytest.raises(LockError) as caught:
        check_locks(stack.path)
    return with_hints(str(caught.value))


def test_locks_that_hold_pass(stack: StackFolder) -> None:
    check_locks(stack.path)


def test_every_stale_and_absent_lock_is_named(stack: StackFolder) -> None:
    stack.append("tool/requirements.in", "rich\n")
    stack.edit("base/image.toml", '["tini"]', '["tini", "curl"]')
    (stack.path / "bootstrap.lock").unlink()
    assert sorted(complaints(stack)) == [
        "docker/base/apt.lock: inputs: stale: image.toml has changed; run `dockwright lock`",
        "docker/bootstrap.lock: no lock; run `dockwright lock`",
        "docker/tool/requirements.lock: inputs: stale: requirements.in has changed; run `dockwright lock`",
    ]


def test_a_lock_over_another_parent_is_stale_though_it_asks_for_the_same(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", 'cpu = "base"', 'cpu = "base:cuda"')
    (complaint,) = complaints(stack)
    assert complaint == (
        'docker/tool/requirements.lock: made for another parent or uv: its first line is not "# Python '
        'packages that tool:cpu adds to base:cuda, one file of each."; run `dockwright lock`'
    )


def test_another_version_of_uv_makes_the_builders_lock_stale(stack: StackFolder) -> None:
    stack.edit("stack.toml", '"0.13.9"', '"0.14.0"')
    (complaint,) = complaints(stack)
    assert complaint.startswith("docker/wheelhouse.lock: made for another parent or uv")
    assert "uv 0.14.0" in complaint


def test_locks_that_contradict_one_another_can_be_made_anew(stack: StackFolder) -> None:
    stack.relock("tool/requirements.in", "tool/requirements.lock", ["scipy", "numpy"])
    assert complaints(stack)[0].startswith(
        "docker/tool/requirements.lock: numpy: base/requirements.lock already"
    )
    assert [image.id for image in load_unlocked(stack.path).images] == ["base:cpu", "base:cuda", "tool:cpu"]


def test_other_errors_are_the_catalogs(stack: StackFolder) -> None:
    stack.edit("tool/image.toml", 'cpu = "base"', 'cpu = "bass"')
    with pytest.raises(CatalogError, match=r"^docker/tool/image\.toml: parent\.cpu: no image 'bass'"):
        check_locks(stack.path)
    with pytest.raises(CatalogError, match="no such directory"):
        load_unlocked(stack.path / "nowhere")


def test_what_every_lock_answers(stack: StackFolder) -> None:
    loaded = stack.load()
    pythons = python_requests(stack.path, loaded)
    assert [(each.id, each.lock, each.requirements, each.fresh) for each in pythons] == [
        ("base:cpu", "base/requirements.lock", ("numpy",), True),
        ("tool:cpu", "tool/requirements.lock", ("scipy",), True),
        ("", "wheelhouse.lock", ("setuptools", "uv==0.13.9"), True),
    ]
    stack.edit("tool/image.toml", "entrypoint", 'apt = ["ffmpeg"]\nentrypoint')
    debs = apt_requests(stack.path, load_unlocked(stack.path))
    assert [(each.lock, each.packages, each.ancestors) for each in debs] == [
        ("bootstrap.lock", ("python3", "tzdata"), ()),
        ("wheelhouse.apt.lock", ("g++",), ()),
        ("base/apt.lock", ("tini",), ()),
        ("tool/apt.lock", ("ffmpeg",), ("base/apt.lock",)),
    ]
