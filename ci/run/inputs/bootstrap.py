"""The bootstrap base: a Debian root file system made of locked packages, without any image registry.

The packages are fetched by hash first. mmdebstrap then reads only a folder with exactly these packages, so
the result depends neither on the network nor on the present state of a mirror.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio

import ci.wheelhouse.program.fetch_debs as program
from ci.catalog.stack import Bootstrap
from ci.engines.engine import Engine, Output
from ci.engines.oci_archive import write_archive
from ci.engines.process.command import Command
from ci.engines.process.namespaces import confined_to, pid_namespace
from ci.engines.process.runner import RUN_VARIABLE
from ci.run.workspace.workspace import Workspace
from ci.steps.bootstrap import bootstrap_script, mmdebstrap_options
from ci.steps.layout import SEARCH_PATH

ENV = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8"}
CMD = ("python3",)
HERMETIC = {
    "DEBIAN_FRONTEND": "noninteractive",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PATH": SEARCH_PATH,
    "PYTHONDONTWRITEBYTECODE": "1",
    "SOURCE_DATE_EPOCH": "0",
}
"""The whole environment of what makes the root, and so of the packages' scripts: it decides what they write.

With `PYTHONDONTWRITEBYTECODE` Debian's own helpers leave no bytecode with times behind as they run.
"""


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
        (repository / "Packages").write_text(await runner.run(index_command(repository)))
        release = await runner.run(release_command(repository, stack.bootstrap.suite))
        (repository / "Release").write_text(release)
        script = work / "customize"
        script.write_text(f"#!/bin/sh\n{bootstrap_script(stack.bootstrap.suite, stack.python)}")
        script.chmod(0o755)
        archive = work / "root.tar"
        scratch = workspace.scratch
        command = root_command(
            stack.bootstrap,
            debs=repository,
            script=script,
            archive=archive,
            env={"TMPDIR": str(scratch), RUN_VARIABLE: runner.run_marker},
        )
        prefix = engine.privilege.prefix
        if os.geteuid() == 0 or prefix:  # else mmdebstrap makes a user namespace of its own
            for folder in (repository, debs):
                make_readable(folder)
            confined = confined_command(command, archive, read=(work, debs), scratch=scratch)
            namespace = await anyio.to_thread.run_sync(pid_namespace, prefix)
            command = replace(confined, argv=(*namespace, *confined.argv)).privileged(prefix)
        await runner.run(command, log=output.log, on_line=output.on_line)
        yield archive
    finally:
        shutil.rmtree(work, ignore_errors=True)


def fetch_command(document: Path, inputs: Path, name: str) -> Command:
    """Return the command that fills the folder `inputs/name` by hash, on this machine."""
    script = Path(program.__file__)
    return Command(argv=(sys.executable, "-I", "-B", str(script), str(document), str(inputs), name))


def index_command(repository: Path) -> Command:
    """Return the command that prints the package index of `repository`; its packages are in `debs/`."""
    return Command(argv=("apt-ftparchive", "packages", "debs"), cwd=str(repository))


def release_command(repository: Path, suite: str) -> Command:
    """Return the command that prints the release file of `repository`; its index exists already.

    Source: mmdebstrap(1), variants: essential packages are taken from the archive that has the suite's name.
    """
    names = ("Suite", "Codename")
    options = [word for name in names for word in ("-o", f"APT::FTPArchive::Release::{name}={suite}")]
    return Command(argv=("apt-ftparchive", *options, "release", "."), cwd=str(repository))


def root_command(
    bootstrap: Bootstrap, *, debs: Path, script: Path, archive: Path, env: Mapping[str, str]
) -> Command:
    """Return the command that writes the root file system to the tar `archive`.

    `debs` holds the packages and their index; `script` the last step; `env` is all of the environment that
    differs from run to run.
    """
    options = mmdebstrap_options(bootstrap.suite, bootstrap.packages)
    argv = (
        *("env", "--ignore-environment"),
        *(f"{name}={value}" for name, value in sorted({**HERMETIC, **env}.items())),
        "mmdebstrap",
        "--quiet",
        "--format=tar",
        f"--customize-hook={script}",
        *options,
        str(archive),
        f"deb [trusted=yes] copy://{debs} ./",
    )
    return Command(argv=argv)


def confined_command(command: Command, archive: Path, *, read: Sequence[Path], scratch: Path) -> Command:
    """Return `command` of `root_command` so that maintainer scripts reach nothing but the folders `read`.

    They run as root of the new file system, and in mmdebstrap's own chroot, which root can leave.
    """
    inside = {
        str(archive): ("-",),
        f"TMPDIR={scratch}": ("TMPDIR=/tmp",),
        # of the user namespace that it is in already; only so it mounts /proc
        "mmdebstrap": ("mmdebstrap", "--mode=unshare"),
    }
    prefix = confined_to([str(path) for path in read], scratch=str(scratch), output=str(archive))
    words = [word for one in command.argv for word in inside.get(one, (one,))]
    return replace(command, argv=(*prefix, *words))


def make_readable(folder: Path) -> None:
    """Let every user read a folder of files, whatever the umask was when they were written."""
    for path, bits in ((folder, 0o555), *((one, 0o444) for one in folder.iterdir() if one.is_file())):
        mode = path.stat().st_mode
        if mode & bits != bits:
            path.chmod(mode & 0o7777 | bits)
