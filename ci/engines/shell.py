"""A program on the caller's own terminal, in a new container that goes when it ends."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path

import anyio

from ci.engines.buildah.containers import container_name
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.docker import DockerEngine, client
from ci.engines.engine import Engine, Mounts
from ci.engines.process.attached import run_attached
from ci.errors import CommandError, EngineError

SHELL = ("/bin/sh", "-c", "if command -v bash > /dev/null; then bash; else sh; fi; exit 0")
"""bash where the image has it. How the last command in it ended is nobody's business, nor Buildah's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """What runs: `argv` as `user` (empty: the image's), on a terminal of its own if `terminal`."""

    argv: tuple[str, ...] = SHELL
    mounts: Mounts = ()
    user: str = ""
    network: bool = False
    terminal: bool = True


async def open_shell(engine: Engine, image: str, shell: Shell) -> int:
    """Run `shell` in a new container of a local image, and return its exit status; the container goes.

    Raises:
        CommandError: there is no container to be had of this image.
        EngineError: this engine has no terminal to give.
    """
    match engine:
        case BuildahEngine():
            return await _by_buildah(engine, image, shell)
        case DockerEngine():
            return await _by_docker(engine, image, shell)
        case _:
            raise EngineError(f"{engine.name} opens no shell; give `--engine buildah`, podman or docker")


async def _by_buildah(engine: BuildahEngine, image: str, shell: Shell) -> int:
    mark = engine.runner.mark
    start = engine.buildah.start(image, container_name(Path(mark).name) if mark else "")
    container = (await engine.runner.run(start)).strip()
    try:
        command = engine.buildah.run(
            container,
            shell.argv,
            mounts=shell.mounts,
            user=shell.user,
            network=shell.network,
            terminal=shell.terminal,
        )
        return run_attached(command, mark=mark, kills=True)
    finally:
        with anyio.CancelScope(shield=True):
            await engine.runner.run(engine.buildah.remove(container))


async def _by_docker(engine: DockerEngine, image: str, shell: Shell) -> int:
    name = container_name(Path(engine.runner.mark).name)
    run = engine.run_command(image, shell.argv, shell.mounts, {}, shell.user, shell.network, name)
    place = run.argv.index(engine.program)
    before, (_, word, *rest) = run.argv[:place], run.argv[place:]
    terminal = ("--interactive", *(("--tty",) if shell.terminal else ()))
    argv = (*before, client(engine.program), word, *terminal, *rest)
    try:
        return run_attached(replace(run, argv=argv), mark=engine.runner.mark, kills=True)
    finally:
        with anyio.CancelScope(shield=True), contextlib.suppress(CommandError):
            await engine.runner.run(engine.command("rm", "--force", name))
