"""Docker and Podman: the same rendered instructions by their own builders. No promise of equal digests.

Facts of Docker, found by running it: a client from 23 on has no BuildKit of its own and needs the plugin
buildx, so a client that has neither is passed over for another one of this machine; a client that is
ended may leave its container running; BuildKit takes `NAME.dockerignore` beside the Dockerfile before the
.dockerignore of the context.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import anyio

from ci.engines.buildah.containers import container_name
from ci.engines.engine import BuildRequest, ImageInfo, Mounts, Output, SandboxedProgram
from ci.engines.gpu import docker_words, podman_words
from ci.engines.machine import CPUINFO, machine_class
from ci.engines.process.command import Command, ProcessResult
from ci.engines.process.runner import Runner
from ci.engines.sandbox import CLOSES
from ci.engines.store_state import StoreState
from ci.errors import CommandError, EngineError
from ci.lower.dockerfile import PARENT_ARG
from ci.names.reference import LOCAL

BUILDKIT = (("DOCKER_BUILDKIT", "1"),)
DEBIAN_BIN = "/usr/bin"
"""Where Debian's docker.io has its client, whatever the search path says."""
OWN_BUILDKIT = 23
"""Clients of earlier major versions build with BuildKit by themselves. Source: Docker 23.0 release notes."""
PROBE_S = 10.0
_STEP = re.compile(r"#\d+ \[(?:\S+ )?(\d+/\d+)\] (.*)")


@cache
def client(program: str) -> str:
    """Return what to call for `program`: for Docker the first client that can build with BuildKit.

    Where none can, it is the first one of the search path, so that its own error is what is seen.
    """
    if program != "docker":
        return program
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), DEBIAN_BIN]
    paths = [Path(folder, program) for folder in dict.fromkeys(folders)]
    return next((str(path) for path in paths if path.exists() and _builds(str(path))), program)


def _builds(path: str) -> bool:
    version = re.search(r"version (\d+)", _said(path, "--version"))
    return version is not None and (int(version[1]) < OWN_BUILDKIT or _said(path, "buildx", "version") != "")


def _said(*argv: str) -> str:
    """Return what a short command prints; nothing where it fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=PROBE_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def as_step(line: str) -> str:
    """Return BuildKit's line `#5 [start 2/4] RUN …` as Buildah and Podman say it: `STEP 2/4: RUN …`."""
    found = _STEP.match(line)
    return f"STEP {found[1]}: {found[2]}" if found else line


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerEngine:
    """`program` is `docker` or `podman`; see ci/engines/engine.py for the contract."""

    program: str
    runner: Runner
    privilege: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The engine's name."""
        return self.program

    def command(self, *words: str) -> Command:
        """Return the engine's command of these words."""
        return Command(argv=(self.program, *words), env=BUILDKIT).privileged(self.privilege)

    def build_command(self, request: BuildRequest, dockerfile: Path, image_id: Path) -> Command:
        """Return the command that builds `request`, offline."""
        args = {**request.build_args, PARENT_ARG: request.parent}
        words = ["build", "--network", "none", "--iidfile", str(image_id), "--file", str(dockerfile)]
        words += [] if request.cache else ["--no-cache"]
        words += [word for name, value in sorted(args.items()) for word in ("--build-arg", f"{name}={value}")]
        words += [
            word for name, value in sorted(request.labels.items()) for word in ("--label", f"{name}={value}")
        ]
        return self.command(*words, str(request.context))

    def run_command(
        self,
        image: str,
        argv: Sequence[str],
        mounts: Mounts,
        env: Mapping[str, str],
        user: str,
        network: bool,
        name: str,
    ) -> Command:
        """Return the command that runs `argv` in the container `name`, which is removed afterwards."""
        words = ["run", "--rm", "--name", name, "--network", "host" if network else "none"]
        words += ["--entrypoint", argv[0]]
        words += [word for mount in mounts for word in ("--volume", ":".join(map(str, mount)))]
        words += [word for name, value in sorted(env.items()) for word in ("--env", f"{name}={value}")]
        words += ["--user", user] if user else []
        return self.command(*words, image, *argv[1:])

    async def _run(self, command: Command, output: Output | None = None) -> str:
        """Run a command by the client that can build, and return its standard output."""
        output = output or Output()
        return await self.runner.run(self._called(command), log=output.log, on_line=output.on_line)

    def _called(self, command: Command) -> Command:
        """Return a command with the client that can build in place of the program's name."""
        place = command.argv.index(self.program)
        return replace(
            command, argv=(*command.argv[:place], client(self.program), *command.argv[place + 1 :])
        )

    def for_run(self, mark: Path, scratch: Path) -> DockerEngine:  # noqa: ARG002 the daemon has its own
        """Return this engine for the run of that mark."""
        return replace(self, runner=replace(self.runner, mark=str(mark)))

    async def remove_stale_containers(self, marks: Sequence[Path]) -> int:
        """Remove the containers of these runs, known by their names."""
        words = [word for mark in marks for word in ("--filter", f"name=dockwright-{mark.name}-")]
        ids = (await self._run(self.command("ps", "--all", "--quiet", *words))).split() if words else []
        if ids:
            await self._run(self.command("rm", "--force", *ids))
        return len(ids)

    async def images(self) -> dict[str, str]:
        """Return the ids of all local images by name."""
        text = await self._run(
            self.command("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")
        )
        rows = (line.split() for line in text.splitlines())
        return {name.removeprefix(LOCAL): id_ for name, id_ in rows if "<none>" not in name}

    async def look(self, ids: Sequence[str]) -> StoreState | None:  # noqa: ARG002 it has nothing to look at
        """Return nothing: the store is the daemon's."""
        return None

    async def remove_damaged(self, images: Sequence[str]) -> None:
        """Remove images by id, with their names."""
        await self._run(self.command("rmi", "--force", *images))

    async def build(self, request: BuildRequest, output: Output) -> str:
        """Build an image and return its id; the folders that it mounts go in as local images first."""
        with tempfile.TemporaryDirectory(prefix="dockwright-") as folder:
            dockerfile, image_id = Path(folder, "Dockerfile"), Path(folder, "image-id")
            Path(folder, "Dockerfile.dockerignore").write_text("# the recipe names what it copies\n")
            for reference, path in sorted(request.folders.items()):
                if f"from={reference}," not in request.instructions:
                    continue
                dockerfile.write_text("FROM scratch\nCOPY . /\n")
                command = self.command("build", "--tag", reference, "--file", str(dockerfile), str(path))
                await self._run(command, Output(log=output.log))
            dockerfile.write_text(request.instructions, encoding="utf-8")
            command = self.build_command(request, dockerfile, image_id)
            show = output.on_line
            on_line = (lambda line: show(as_step(line))) if show is not None else None
            await self._run(command, replace(output, on_line=on_line))
            return image_id.read_text().strip()

    async def run(
        self,
        image: str,
        argv: Sequence[str],
        *,
        mounts: Mounts = (),
        env: Mapping[str, str] | None = None,
        user: str = "",
        network: bool = False,
        output: Output,
    ) -> str:
        """Run `argv` in a new container of `image`; one that is cut short goes, too."""
        name = container_name(Path(self.runner.mark).name)
        command = self.run_command(image, argv, mounts, env or {}, user, network, name)
        try:
            return await self._run(command, output)
        except BaseException:
            with anyio.CancelScope(shield=True), contextlib.suppress(CommandError):
                await self._run(self.command("rm", "--force", name), Output(log=output.log))
            raise

    @property
    def closes(self) -> str:
        """What a checked program can't reach."""
        return CLOSES

    async def machine(self) -> str:
        """Return the class of this machine."""
        return machine_class(CPUINFO.read_text())

    async def no_gpu(self, image: str) -> str:
        """Return why the daemon gives no GPU, empty where it does: that is found out by asking for one."""
        try:
            await self._run(self.gpu_command(image))
        except CommandError as error:
            lines = error.tail.strip().splitlines() or [f"{self.program} gives none"]
            return next((line for line in lines if "Error" in line), lines[-1])
        return ""

    def gpu_command(self, image: str) -> Command:
        """Return the command that does nothing in a container of `image` that is given the GPUs."""
        words = ["run", "--rm", "--network", "none", *self._gpu_words, "--entrypoint", "true"]
        return self.command(*words, image)

    @property
    def _gpu_words(self) -> tuple[str, ...]:
        return docker_words() if self.program == "docker" else podman_words()

    def check_command(self, image: str, closed: SandboxedProgram, name: str) -> Command:
        """Return the command that runs a program in the container `name`, closed in.

        Source: docker-run(1); podman-run(1).
        """
        words = ["run", "--rm", "--name", name, "--network", "none", "--read-only", "--cap-drop", "ALL"]
        words += [
            "--security-opt",
            "no-new-privileges",
            "--tmpfs",
            "/tmp:rw,nosuid,nodev,exec,mode=1777,size=1g",  # noqa: S108 in a container of its own
        ]
        if self.program == "podman":  # it would leave /run and /var/tmp open, beside /tmp
            words += ["--read-only-tmpfs=false", "--tmpfs", "/dev/shm:rw,nosuid,nodev,mode=1777,size=1g"]  # noqa: S108
        if closed.gpu:
            words += self._gpu_words
        words += ["--entrypoint", closed.argv[0]]
        words += [word for what, path, _ in closed.mounts for word in ("--volume", f"{what}:{path}:ro")]
        return self.command(*words, image, *closed.argv[1:])

    async def check(self, image: str, closed: SandboxedProgram, output: Output) -> ProcessResult:
        """Run a program in a new container of `image`, closed in; the container goes."""
        name = container_name(Path(self.runner.mark).name)
        try:
            return await self.runner.finish(
                self._called(self.check_command(image, closed, name)),
                limit_s=closed.limit_s,
                limit_bytes=closed.limit_bytes,
                log=output.log,
                on_line=output.on_line,
            )
        finally:
            with anyio.CancelScope(shield=True), contextlib.suppress(CommandError):
                await self._run(self.command("rm", "--force", name), Output(log=output.log))

    async def fetch(self, reference: str, output: Output, authfile: str = "") -> str:  # noqa: ARG002
        """Fetch an image by digest, with this engine's own credentials, and return the digest's name."""
        await self._run(self.command("pull", "--quiet", reference), Output(log=output.log))
        return reference

    async def push(self, image: str, reference: str, output: Output, authfile: str = "") -> str:  # noqa: ARG002
        """Refuse: only Buildah promises the digests that a cache rests on."""
        raise EngineError(
            f"{self.name} does not push to the cache; use `--engine buildah`, or `--cache read`"
        )

    async def import_root(self, archive: Path, name: str, env: Mapping[str, str], output: Output) -> None:
        """Make the local image `name` of a tar of a root file system."""
        changes = [word for key, value in sorted(env.items()) for word in ("--change", f"ENV {key}={value}")]
        changes += ["--change", 'CMD ["python3"]']
        await self._run(self.command("import", *changes, str(archive), name), Output(log=output.log))

    async def inspect(self, image: str) -> ImageInfo:
        """Return what a local image is; no layer sizes are told here, so all bytes stand at the last one."""
        (value,) = json.loads(await self._run(self.command("image", "inspect", image)))
        config: dict[str, Any] = {"config": value["Config"], "rootfs": value["RootFS"]}
        digests = [str(digest) for digest in value["RootFS"]["Layers"]]
        sizes = [0] * (len(digests) - 1) + [int(value["Size"])]
        layers = tuple(zip(digests, sizes, strict=True))
        return ImageInfo(id=str(value["Id"]), config=config, layers=layers, tells_layers=False)

    async def tag(self, image: str, *names: str) -> None:
        """Give a local image more names."""
        for name in names:
            await self._run(self.command("tag", image, name))

    async def untag(self, reference: str) -> None:
        """Take the name by which it was fetched from an image."""
        await self._run(self.command("rmi", reference))
