"""Folders of this bench: the checkout, and how large a folder is."""

from __future__ import annotations

import shutil
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def lay_stack(target: Path) -> None:
    """Copy the reference stack to `target`, whatever is there; files keep their times."""
    shutil.rmtree(target, ignore_errors=True)
    caches = shutil.ignore_patterns("__pycache__", ".*_cache")
    shutil.copytree(CHECKOUT / "docker", target, symlinks=True, ignore=caches)


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
