"""Making the local image of the bootstrap base from its packages, which are there already."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ci.bases import bootstrap as commands
from ci.engines.engine import Engine, Output
from ci.engines.privilege import privilege
from ci.run.workspace import Workspace
from ci.steps.bootstrap import bootstrap_script
from ci.steps.recipe import SEARCH_PATH


async def make_bootstrap(workspace: Workspace, engine: Engine, debs: Path, name: str, output: Output) -> None:
    """Make the image `name` of exactly the packages in the folder `debs`, without the network.

    Raises:
        CommandError: a step of it failed.
    """
    stack, runner = workspace.stack, workspace.runner
    work = workspace.state.root / f"bootstrap-{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    repository = work / "repository"
    repository.mkdir(parents=True)
    try:
        (repository / "debs").symlink_to(debs)
        (repository / "Packages").write_text(await runner.run(commands.index(repository)))
        release = await runner.run(commands.release(repository, stack.bootstrap.suite))
        (repository / "Release").write_text(release)
        script = work / "customize"
        script.write_text(f"#!/bin/sh\n{bootstrap_script(stack.bootstrap.suite, stack.python)}")
        script.chmod(0o755)
        archive = work / "root.tar"
        workspace.settings.tmpdir.mkdir(parents=True, exist_ok=True)
        prefix = privilege() if engine.name == "buildah" else ()
        command = commands.make(
            stack.bootstrap,
            debs=repository,
            script=script,
            archive=archive,
            tmpdir=workspace.settings.tmpdir,
            # without root, mmdebstrap makes a user namespace of its own, in which it may mount
            privilege=() if prefix[:1] == ("buildah",) else prefix,
        )
        await runner.run(command, log=output.log, on_line=output.on_line)
        await engine.import_root(archive, name, {"PATH": SEARCH_PATH, "LANG": "C.UTF-8"}, output)
    finally:
        shutil.rmtree(work, ignore_errors=True)
