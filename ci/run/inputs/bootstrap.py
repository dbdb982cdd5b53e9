"""Making the local image of the bootstrap base from its packages, which are there already."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from ci.bases import bootstrap as commands
from ci.engines.engine import Engine, Output
from ci.engines.oci_archive import write_archive
from ci.engines.process.namespaces import enclosure
from ci.engines.process.privilege import privilege
from ci.run.workspace.workspace import Workspace
from ci.steps.bootstrap import bootstrap_script
from ci.steps.layout import SEARCH_PATH

ENV = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8"}
CMD = ("python3",)


async def make_bootstrap(workspace: Workspace, engine: Engine, debs: Path, name: str, output: Output) -> None:
    """Make the image `name` of exactly the packages in the folder `debs`, without the network.

    Raises:
        CommandError: a step of it failed.
    """
    async with bootstrap_root(workspace, engine, debs, output) as archive:
        await engine.import_root(archive, name, ENV, output)


async def write_bootstrap(
    workspace: Workspace, engine: Engine, debs: Path, target: Path, output: Output
) -> None:
    """Write the same image as an OCI archive to `target`.

    Raises:
        CommandError: a step of it failed.
    """
    async with bootstrap_root(workspace, engine, debs, output) as archive:
        await anyio.to_thread.run_sync(write_archive, archive, target, ENV, CMD)


@asynccontextmanager
async def bootstrap_root(
    workspace: Workspace, engine: Engine, debs: Path, output: Output
) -> AsyncIterator[Path]:
    """Yield the tar of a root file system of exactly the packages in the folder `debs`."""
    stack, runner = workspace.stack, workspace.runner
    workspace.scratch.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="bootstrap-", dir=workspace.scratch))
    work.chmod(0o755)
    repository = work / "repository"
    repository.mkdir()
    try:
        (repository / "debs").symlink_to(debs)
        (repository / "Packages").write_text(await runner.run(commands.index(repository)))
        release = await runner.run(commands.release(repository, stack.bootstrap.suite))
        (repository / "Release").write_text(release)
        script = work / "customize"
        script.write_text(f"#!/bin/sh\n{bootstrap_script(stack.bootstrap.suite, stack.python)}")
        script.chmod(0o755)
        archive = work / "root.tar"
        prefix = privilege() if engine.name == "buildah" else ()
        rootless = prefix[:1] == ("buildah",)
        command = commands.make(
            stack.bootstrap,
            debs=repository,
            script=script,
            archive=archive,
            tmpdir=workspace.scratch,
            # without root, mmdebstrap makes a user namespace of its own, in which it may mount
            privilege=() if rootless else prefix,
            enclosure=() if rootless else enclosure(prefix),
        )
        await runner.run(command, log=output.log, on_line=output.on_line)
        yield archive
    finally:
        shutil.rmtree(work, ignore_errors=True)
