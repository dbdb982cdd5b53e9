"""The locks that are committed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.catalog.lockfile import parse_apt_lock, parse_python_lock
from ci.catalog.stack import Stack
from ci.locks.choice import ReleaseFile, choose_file, supported_tags
from ci.locks.loading import check_locks

STACK = Path(__file__).resolve().parents[3] / "docker"
LOCKS = sorted(STACK.rglob("*.lock"))
LEAK = re.compile(r"https?:|file:|://|find-links|index|\.\./|(?<!\S)/|@ ")
"""What names a place: a URL, a folder, an option of pip. Lines name files of the default index alone."""


@pytest.fixture(scope="module")
def stack() -> Stack:
    return load_stack(STACK)


def test_they_answer_what_is_asked_for() -> None:
    check_locks(STACK)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(STACK)))
def test_nothing_of_the_machine_that_made_them_leaks_in(lock: Path) -> None:
    text = lock.read_text()
    rows = [row for row in text.splitlines() if not row.startswith("# ")]
    assert not [row for row in rows if LEAK.search(row)]
    parse = parse_apt_lock if lock.name.endswith("apt.lock") or lock.name == "bootstrap.lock" else None
    assert (parse or parse_python_lock)(text).errors == ()


def test_every_python_line_is_a_file_that_the_images_can_use(stack: Stack) -> None:
    tags = supported_tags(stack.python)
    lines = [line for image in stack.images for line in image.python_lock] + [*stack.builder.python_lock]
    unusable = [
        line.file
        for line in lines
        if choose_file([ReleaseFile(name=line.file, sha256=line.sha256)], tags) is None
    ]
    assert unusable == []
    assert [line.file for line in lines if not line.size] == []


def test_one_variant_has_one_version_of_a_distribution(stack: Stack) -> None:
    for variant in stack.variants:
        seen: dict[str, str] = {}
        for image in stack.images:
            if image.variant == variant or image.id == "base:cpu":
                for line in image.python_lock:
                    assert seen.setdefault(line.name, line.text) == line.text


def test_the_cuda_half_has_torch_once_with_its_cuda_and_the_cpu_half_has_none(stack: Stack) -> None:
    pinned = {image.id: {line.name: line.version for line in image.python_lock} for image in stack.images}
    assert pinned["base-ml:cuda"]["torch"] == "2.8.0"
    assert pinned["base-ml:cuda"]["nvidia-cublas-cu12"].startswith("12.8.")
    for image in stack.images:
        if image.id != "base-ml:cuda":
            found = [name for name in pinned[image.id] if name in {"torch", "triton"} or "nvidia" in name]
            assert found == [], image.id


def test_the_builder_compiles_against_the_numpy_of_base(stack: Stack) -> None:
    base = {line.name: line for line in stack.get("base:cpu").python_lock}
    builder = {line.name: line for line in stack.builder.python_lock}
    assert builder["numpy"] == base["numpy"]
    assert builder["uv"].version == stack.uv


def test_the_bootstrap_lock_is_whole(stack: Stack) -> None:
    names = {line.name for line in stack.bootstrap.lock}
    assert {"apt", "dpkg", "libc6", "base-files", "usr-is-merged", *stack.bootstrap.packages} <= names
    assert "usrmerge" not in names


def test_image_locks_leave_out_what_every_debian_has(stack: Stack) -> None:
    for image in stack.images:
        names = {line.name for line in image.apt_lock}
        assert names & {"libc6", "dpkg", "apt", "zlib1g"} == set(), image.id
        assert set(image.apt) <= names, image.id
