"""A machine that builds with a registry: the store that build-all has filled, or a root of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from ci.catalog.load import load_stack
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.choose import choose_engine
from ci.engines.process.runner import Runner
from ci.plan.keys import digest, documents, tag
from ci.registry.cache import Wanted
from ci.settings import read_settings

CHECKOUT = Path(__file__).parents[2]
IMAGE = "subtitle-gen"
HERE = ""
"""The root of the environment; see tests/worker_groups.py."""


@dataclass
class Machine:
    """One machine: the store that build-all has filled, or one of its own below `root`."""

    root: str
    stack: Path
    more: dict[str, str] = field(default_factory=dict)

    def build(self, place: str, *words: str, images: tuple[str, ...] = (IMAGE,)) -> Ran:
        """Build these images, or all where none is named, with a registry, and read the report."""
        what = ["build", *images] if images else ["build-all"]
        argv = [*what, "--variant", "cpu", "--registry", place, "--progress", "plain", *words]
        done = self.dockwright(*argv)
        found = next((line for line in done.stdout.splitlines() if "report: " in line), "")
        path = Path(found.partition("report: ")[2])
        report = json.loads(path.read_text()) if found else {}
        return Ran(done.returncode, done.stdout + done.stderr, report, path)

    def dockwright(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run one command."""
        env = {**os.environ, "DOCKWRIGHT_STACK": str(self.stack), "DOCKWRIGHT_BASE": "bootstrap", **self.more}
        env |= {"DOCKWRIGHT_ROOT": self.root} if self.root else {}
        program = (sys.executable, "-m", "ci.cli.main")
        return subprocess.run(
            (*program, *argv), env=env, cwd=CHECKOUT, capture_output=True, text=True, check=False
        )

    def wanted(self, id_: str) -> Wanted:
        """Return how an image of the stack, as it is now, is looked for in a registry."""
        key = digest(documents(load_stack(self.stack), "bootstrap")[id_])
        return Wanted(id_, id_.partition(":")[0], tag(key), key)

    def names(self) -> dict[str, str]:
        """Return the ids of the images in the store that build-all has filled, by name."""
        return anyio.run(_engine().images)

    def forget(self, *images: str) -> None:
        """Remove these images from the store, and with them the layers that nothing else has."""
        engine, listed = _engine(), self.names()
        ids = {id_ for name, id_ in listed.items() if any(f"/{image}:" in name for image in images)}
        argv = (
            *engine.privilege.prefix,
            "buildah",
            *engine.buildah.storage.options,
            "rmi",
            "--force",
            *sorted(ids),
        )
        subprocess.run(argv, check=True, capture_output=True)


def _engine() -> BuildahEngine:
    engine = choose_engine(read_settings(), Runner())
    assert isinstance(engine, BuildahEngine)
    return engine


@dataclass
class Ran:
    status: int
    text: str
    report: dict[str, Any]
    path: Path

    @property
    def rows(self) -> dict[str, str]:
        return {row["task"]: row["action"] for row in self.report["images"]}

    @property
    def reasons(self) -> dict[str, str | None]:
        return {row["task"]: row["reason"] for row in self.report["others"]}

    @property
    def others(self) -> dict[str, str]:
        return {row["task"]: row["action"] for row in self.report["others"]}

    def digest(self, id_: str) -> str:
        return next(str(row["digest"]) for row in self.report["images"] if row["task"] == id_)
