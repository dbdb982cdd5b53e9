"""A file whose name is almost one that is read is not ignored in silence."""

from __future__ import annotations

import pytest

from ci.catalog.near_misses import near_miss
from tests.unit.catalog.folder import StackFolder


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("requirements.txt", "requirements.in"),
        ("Requirements.in", "requirements.in"),
        ("requirement.in", "requirements.in"),
        ("requirements-in", "requirements.in"),
        ("requirements_cpu.in", "requirements.cpu.in"),
        ("requirements.cpu.txt", "requirements.cpu.in"),
        ("requirements-cuda.txt", "requirements.cuda.in"),
        ("requirements.lokc", "requirements.lock"),
        ("requirements-dev.txt", "requirements.in"),
        ("image.tml", "image.toml"),
        ("Image.toml", "image.toml"),
        ("APT.lock", "apt.lock"),
        ("Smoke", "smoke"),
    ],
)
def test_a_name_that_is_almost_read_is_an_error(name: str, meant: str) -> None:
    error = near_miss(name, ["cpu", "cuda"])
    assert error == (f"not read: a file of this kind is named {meant}", f"rename it to {meant}")


@pytest.mark.parametrize(
    "name",
    [
        *("image.toml", "apt.lock", "requirements.in", "requirements.cpu.in", "requirements.lock", "smoke"),
        *(
            "Dockerfile.cpu",
            "README.md",
            "asr.py",
            "pyproject.toml",
            "models.toml",
            "notes.txt",
            "src",
            "tests",
        ),
        *("requirements", "images", "aptitude", "x" * 300, ""),
    ],
)
def test_other_names_are_the_users_own(name: str) -> None:
    assert near_miss(name, ["cpu", "cuda"]) is None


def test_requirements_that_nothing_reads_are_told(stack: StackFolder) -> None:
    stack.write("tool/requirements.txt", "rich\n")
    stack.write("tool/apt.txt", "ffmpeg\n")
    assert stack.errors == [
        'docker/tool/apt.txt: not read; list Debian packages in image.toml: apt = ["NAME"]',
        (
            "docker/tool/requirements.txt: not read: a file of this kind is named requirements.in; rename it "
            "to requirements.in"
        ),
    ]


def test_a_folder_whose_document_has_a_wrong_name_is_told(stack: StackFolder) -> None:
    stack.write("new/Image.toml", 'title = "New"\n')
    assert stack.errors == [
        "docker/new/Image.toml: not read: a file of this kind is named image.toml; rename it to image.toml"
    ]


def test_a_file_that_is_copied_may_have_any_name(stack: StackFolder) -> None:
    stack.write("tool/requirements.txt", "rich\n")
    stack.append("tool/image.toml", '[[files]]\nsource = "requirements.txt"\ntarget = "/opt/app/"\n')
    assert "/opt/app/requirements.txt" in {file.target for file in stack.load().get("tool:cpu").files}
