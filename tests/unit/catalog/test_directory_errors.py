"""Directories that are no stack, and folders that are no image."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.errors import CatalogError
from tests.unit.catalog.folder import StackFolder


def test_a_folder_that_was_meant_to_be_an_image_is_told(stack: StackFolder) -> None:
    stack.write("new/image.yaml", "")
    stack.write("new/requirements.in", "")
    assert stack.errors == [
        ("docker/new: has requirements.in, but no image.toml; add it, or move the folder out of the stack")
    ]


def test_a_stack_without_images_is_told(stack: StackFolder) -> None:
    (stack.path / "base/image.toml").unlink()
    (stack.path / "tool/image.toml").unlink()
    assert "docker: no image; add a folder with an image.toml" in stack.errors


HOLDS = (
    "a stack directory has stack.toml, bases.lock.toml, wheelhouse.in and a folder with image.toml per image"
)


def test_an_empty_directory_is_no_stack(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        load_stack(tmp_path)
    assert str(caught.value) == f"{tmp_path}: an empty directory\nhint: {HOLDS}"


def test_a_foreign_directory_is_no_stack_and_the_one_below_is_offered(
    stack: StackFolder, tmp_path: Path
) -> None:
    with pytest.raises(CatalogError) as caught:
        load_stack(tmp_path)
    assert str(caught.value) == f"{tmp_path}: no stack.toml\nhint: did you mean '{stack.path}'? A{HOLDS[1:]}"


def test_a_directory_that_does_not_exist_is_no_stack(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"none: no such directory\nhint: a stack directory has"):
        load_stack(tmp_path / "none")


def test_a_file_is_no_stack(stack: StackFolder) -> None:
    with pytest.raises(CatalogError, match=r"stack\.toml: not a directory\nhint: "):
        load_stack(stack.path / "stack.toml")
