"""The files of an image, as values that can be compared."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engine.docker_daemon import Docker


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of an image; its time is left out. `content`: sha256, link target, or device number."""

    mode: str
    owner: tuple[int, int]
    content: str
    attributes: tuple[tuple[str, bytes], ...]


def tree(root: Path) -> dict[str, Entry]:
    """Return all entries under `root` by path."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            found[f"/{path.relative_to(root)}"] = _entry(path)
    return found


def _entry(path: Path) -> Entry:
    status = path.lstat()
    content = ""
    if stat.S_ISREG(status.st_mode):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    elif stat.S_ISLNK(status.st_mode):
        content = str(path.readlink())
    elif not stat.S_ISDIR(status.st_mode):
        content = str(status.st_rdev)
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return Entry(
        mode=stat.filemode(status.st_mode),
        owner=(status.st_uid, status.st_gid),
        content=content,
        attributes=tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names),
    )


@contextmanager
def docker_root(docker: Docker, image: str, folder: Path) -> Iterator[Path]:
    """Mount the layers of Docker's `image` at `folder`: a container's files would hold Docker's own, too."""
    layers = docker.run(
        "image", "inspect", "-f", "{{.GraphDriver.Data.UpperDir}}:{{.GraphDriver.Data.LowerDir}}", image
    )
    folder.mkdir()
    options = f"ro,lowerdir={layers.strip()}"
    subprocess.run(("mount", "-t", "overlay", "-o", options, "overlay", str(folder)), check=True)
    try:
        yield folder
    finally:
        subprocess.run(("umount", str(folder)), check=True)
