"""A small stack over the reference stack's own base: what it needs beyond that comes from loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ci.catalog.lockfile import inputs_digest, parse_python_lock, python_lock_text
from tests.engine.luck import Served
from tests.hang import HANG_S

DOCKER = Path(__file__).resolve().parents[2] / "docker"
CHECKOUT = DOCKER.parent
IMAGE = """\
title = "Luck"
description = "An image that has it or not."

[parent]
cpu = "base:cpu"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LuckStack:
    """The stack in `path`: base, and luck:cpu on it, with the distributions of `add`."""

    path: Path

    @property
    def lock(self) -> Path:
        return self.path / "luck/requirements.lock"

    def add(self, *lines: str) -> None:
        """Lock these lines, and ask for their distributions."""
        found = [parse_python_lock(line).lines[0] for line in lines]
        asked = "".join(f"{line.name}\n" for line in found)
        (self.path / "luck/requirements.in").write_text(asked)
        title = "Python packages that luck:cpu adds to base:cpu, one file of each."
        self.lock.write_text(python_lock_text(found, inputs_digest(asked.encode()), title))

    def dockwright(
        self, *words: str, served: Served | None = None, prefix: tuple[str, ...] = (), **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command on this stack, with `served` as its Python index."""
        index = {"PIP_INDEX_URL": f"{served.url}/simple"} if served is not None else {}
        return subprocess.run(
            (*prefix, sys.executable, "-m", "ci.cli.main", *words),
            env={**os.environ, "DOCKWRIGHT_STACK": str(self.path), **index, **env},
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )


def luck_stack(folder: Path) -> LuckStack:
    """Return a new stack in `folder`."""
    folder.mkdir()
    for file in DOCKER.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    shutil.copytree(DOCKER / "base", folder / "base")
    (folder / "luck").mkdir()
    (folder / "luck/image.toml").write_text(IMAGE)
    return LuckStack(path=folder)
