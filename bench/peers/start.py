"""The image from outside that all ways start from, as an archive: made by dockwright, once, not measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anyio

from bench.peers.store import LOCAL, Store
from ci.engines.engine import Output
from ci.run.inputs.local import LocalInputs
from ci.run.workspace.workspace import open_workspace
from ci.settings import read_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """`name` is its local name; `bootstrap` whether it is made of Debian packages."""

    archive: Path
    name: str
    bootstrap: bool


def make_start(stack: Path, root: Path) -> Start:
    """Return the image from outside of a stack, made in the folder `root` unless it is there already."""
    seed = root / "seed"
    settings = read_settings(stack=stack, root=seed, engine="buildah")
    workspace = open_workspace(settings)
    houses = LocalInputs(workspace=workspace, engine=anyio.run(workspace.engine))
    name = houses.root_image()
    start = Start(archive=root / "start.tar", name=name, bootstrap=workspace.base.kind == "bootstrap")
    if not start.archive.is_file():
        anyio.run(houses.base, Output())
        part = start.archive.with_suffix(".part")
        store = Store(root=seed)
        store.say("push", LOCAL + name, f"docker-archive:{part}:{LOCAL}{name}")
        part.replace(start.archive)
        store.clear()
    return start


def houses_of(stack: Path, root: Path) -> Path:
    """Return the folder below dockwright's `root` that holds the houses."""
    workspace = open_workspace(read_settings(stack=stack, root=root, engine="buildah"))
    return LocalInputs(workspace=workspace, engine=anyio.run(workspace.engine)).folder("debhouse").parent
