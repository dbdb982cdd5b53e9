"""What an image is made of: bytes by group of files, so that two images can be compared by what they hold."""

from __future__ import annotations

import os
from pathlib import Path

BYTECODE = "byte code (.pyc)"


def group(path: str) -> str:
    """Return the group of a file by its path below the image's root, such as `torch` or `usr/share`.

    A file of site-packages belongs to its package (of `nvidia` to the part of it), other files to the first
    two folders of their path.
    """
    folders = path.strip("/").split("/")
    if path.endswith(".pyc"):
        return BYTECODE
    for site in ("site-packages", "dist-packages"):
        if site in folders[:-1]:
            inside = folders[folders.index(site) + 1 :]
            if inside[0].endswith((".dist-info", ".egg-info")):
                return "metadata of distributions"
            return "/".join(inside[:2]) if inside[0] == "nvidia" else inside[0].removesuffix(".libs")
    return "/".join(folders[:-1][:2]) or folders[0]


def contents(root: Path) -> dict[str, int]:
    """Return the bytes of the files below `root` by group; a file with several names counts once."""
    found: dict[str, int] = {}
    seen: set[tuple[int, int]] = set()
    for folder, _, files in os.walk(root):
        inside = folder[len(str(root)) :]
        for name in files:
            status = os.lstat(f"{folder}/{name}")
            if status.st_nlink > 1:
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
            key = group(f"{inside}/{name}")
            found[key] = found.get(key, 0) + status.st_size
    return found
