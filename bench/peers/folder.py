"""Folders of this bench: the checkout, and how large a folder is."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
