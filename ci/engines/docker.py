"""Docker and Podman: the same rendered instructions by their own builders. No promise of equal digests.

Facts of Docker, found by running it: a client that is ended may leave its container running; BuildKit takes
`NAME.dockerignore` next to the Dockerfile before the .dockerignore of the context.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio

from ci.engines.buildah.containers import container_name
from ci.engines.buildah.isolation import DROPPED, HIDDEN, KEPT
from ci.engines.buildkit import as_step
from ci.engines.capabilities import CONTAINER_PROGRAM, REPRODUCIBLE, Capabilities
from ci.engines.engine import BuildRequest, ContainerRun, ImageInfo, Output, SandboxedProgram
from ci.engines.gpu import docker_options, podman_options
from ci.engines.machine import CPUINFO, machine_class
from ci.engines.process.attached import run_attached
from ci.engines.process.command import ROOT, Command, Privilege, ProcessResult
from ci.engines.process.runner import Runner
from ci.engines.program.namespaces import machine_profile
from ci.engines.program.seccomp import step_profile
from ci.engines.secret_files import with_secret_files
from ci.errors import CommandError, EngineError
from ci.names.reference import LOCAL

PROFILE, NOTHING = "seccomp.json", "nothing"
"""A filter of system calls, and an empty folder, beside the Dockerfile of a build."""
BUILDKIT = (("DOCKER_BUILDKIT", "1"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerEngine:
    """Docker or Podman; see ci/engines/engine.py for the contract.

    Attributes:
        program: `docker` or `podman`.
        client: what is started for it, where that is not the program's name; see ci/engines/buildkit.py.
    """

    program: str
    client: str = ""
    runner: Runner

    @property
    def name(self) -> str:
        """The engine's name."""
        return self.program

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return CONTAINER_PROGRAM

    @property
    def privilege(self) -> Privilege:
        """None: the daemon owns the store's files."""
        return ROOT

    @property
    def store(self) -> None:
        """None: the store is the daemon's."""
        return None

    @property
    def input_fetcher(self) -> None:
        """None: build inputs are fetched on this machine."""
        return None

    def command(self, *words: str) -> Command:
        """Return the engine's command of these words."""
        return Command(argv=(self.client or self.program, *words), env=BUILDKIT)

    def build_command(self, request: BuildRequest, dockerfile: Path, image_id: Path) -> Command:
        """Return the command that builds `request`, offline."""
        args = request.arguments(request.parent)
        words = ["build", "--network", "none", "--iidfile", str(image_id), "--file", str(dockerfile)]
        words += [] if request.cache else ["--no-cache"]
        words += self._few_rights(image_id.parent)
        words += [word for name, value in sorted(args.items()) for word in ("--build-arg", f"{name}={value}")]
        return self.command(*words, str(request.context))

    def run_command(
        self, image: str, run: ContainerRun, name: str, *, attached: bool = False, terminal: bool = False
    ) -> Command:
        """Return the command that runs a program in the container `name`, which is removed afterwards."""
        words = ["run", *(["--interactive"] if attached else []), *(["--tty"] if terminal else [])]
        words += ["--rm", "--name", name, "--network", "host" if run.network else "none"]
        words += ["--cap-drop", "ALL", *(word for name in KEPT for word in ("--cap-add", name))]
        words += ["--security-opt", "no-new-privileges"]
        words += ["--entrypoint", run.argv[0]]
        words += [word for mount in run.mounts for word in ("--volume", ":".join(map(str, mount)))]
        words += [word for name, value in sorted(run.env.items()) for word in ("--env", f"{name}={value}")]
        words += ["--user", run.user] if run.user else []
        return self.command(*words, image, *run.argv[1:])

    def _few_rights(self, folder: Path) -> list[str]:
        """Return the options of a build by which a step has fewer rights; `folder` has what they name.

        Podman builds as Buildah does: see ci/engines/buildah/isolation.py. Docker's builder has no such
        options; its own limits are enough.
        """
        if self.program != "podman" or sys.platform != "linux":
            return []  # elsewhere its builder is on another machine, which has no such folder
        return [
            *("--cap-drop", ",".join(f"CAP_{name}" for name in DROPPED)),
            *("--security-opt", f"seccomp={folder / PROFILE}"),
            *("--volume", f"{folder / NOTHING}:{HIDDEN}:ro"),
        ]

    async def _run(self, command: Command, output: Output | None = None) -> str:
        output = output or Output()
        return await self.runner.run(command, log=output.log, on_line=output.on_line)

    def _new_name(self) -> str:
        return container_name(Path(self.runner.run_marker).name)

    async def _remove(self, name: str, output: Output | None = None) -> None:
        """Remove the container `name` if there is one, also when this task is cancelled."""
        log = Output(log=output.log) if output is not None else None
        with anyio.CancelScope(shield=True), contextlib.suppress(CommandError):
            await self._run(self.command("rm", "--force", name), log)

    def for_run(self, marker: Path, scratch: Path) -> DockerEngine:  # noqa: ARG002 the daemon has its own
        """Return this engine for the run with that marker."""
        return replace(self, runner=replace(self.runner, run_marker=str(marker)))

    async def remove_stale_containers(self, markers: Sequence[Path]) -> int:
        """Remove the containers of these runs, known by their names."""
        words = [word for marker in markers for word in ("--filter", f"name=dockwright-{marker.name}-")]
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

    async def build(self, request: BuildRequest, output: Output) -> str:
        """Build an image and return its id; the folders that it mounts go in as local images first."""
        with tempfile.TemporaryDirectory(prefix="dockwright-") as folder:
            dockerfile, image_id = Path(folder, "Dockerfile"), Path(folder, "image-id")
            Path(folder, NOTHING).mkdir()
            Path(folder, PROFILE).write_text(json.dumps(step_profile(machine_profile())))
            Path(folder, "Dockerfile.dockerignore").write_text("# the recipe names what it copies\n")
            for reference, path in sorted(request.folders.items()):
                if f"from={reference}," not in request.instructions:
                    continue
                dockerfile.write_text("FROM scratch\nCOPY . /\n")
                command = self.command("build", "--tag", reference, "--file", str(dockerfile), str(path))
                await self._run(command, Output(log=output.log))
            dockerfile.write_text(request.text, encoding="utf-8")
            command = self.build_command(request, dockerfile, image_id)
            show = output.on_line
            on_line = (lambda line: show(as_step(line))) if show is not None else None
            await self._run(command, replace(output, on_line=on_line))
            id_ = image_id.read_text().strip()
        request.check_executed((await self.inspect(id_)).config)
        return id_

    async def run(self, image: str, run: ContainerRun, output: Output) -> str:
        """Run a program in a new container of `image`; the container of an interrupted one is removed too."""
        name = self._new_name()
        try:
            with with_secret_files(run) as run_with_files:
                return await self._run(self.run_command(image, run_with_files, name), output)
        except BaseException:
            await self._remove(name, output)
            raise

    async def attach(self, image: str, run: ContainerRun, *, terminal: bool) -> int:
        """Run a program in a new container with our inputs and outputs."""
        name = self._new_name()
        command = self.run_command(image, run, name, attached=True, terminal=terminal)
        try:
            return await run_attached(command, run_marker=self.runner.run_marker, kills=True)
        finally:
            await self._remove(name)

    async def machine_class(self) -> str:
        """Return the class of this machine."""
        return machine_class(CPUINFO.read_text())

    async def gpu_error(self, image: str) -> str:
        """Return why the daemon gives no GPU, empty where it does: one is requested to find out."""
        try:
            await self._run(self.gpu_command(image))
        except CommandError as error:
            lines = error.tail.strip().splitlines() or [f"{self.program} gives none"]
            return next((line for line in lines if "Error" in line), lines[-1])
        return ""

    async def warnings(self, image: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return nothing: there is nothing to warn of."""
        return ()

    def gpu_command(self, image: str) -> Command:
        """Return the command that does nothing in a container of `image` that has the GPUs."""
        words = ["run", "--rm", "--network", "none", *self._gpu_options, "--entrypoint", "true"]
        return self.command(*words, image)

    @property
    def _gpu_options(self) -> tuple[str, ...]:
        return docker_options() if self.program == "docker" else podman_options()

    def sandbox_command(self, image: str, program: SandboxedProgram, name: str) -> Command:
        """Return the command that runs a program in the container `name`, without access to anything else.

        Source: docker-run(1); podman-run(1).
        """
        words = ["run", "--rm", "--name", name, "--network", "none", "--read-only", "--cap-drop", "ALL"]
        words += [
            "--security-opt",
            "no-new-privileges",
            "--tmpfs",
            "/tmp:rw,nosuid,nodev,exec,mode=1777,size=1g",  # noqa: S108 in a container of its own
        ]
        if self.program == "podman":  # else /run and /var/tmp are writable too
            words += ["--read-only-tmpfs=false", "--tmpfs", "/dev/shm:rw,nosuid,nodev,mode=1777,size=1g"]  # noqa: S108
        if program.gpu:
            words += self._gpu_options
        words += ["--entrypoint", program.argv[0]]
        words += [word for what, path, _ in program.mounts for word in ("--volume", f"{what}:{path}:ro")]
        return self.command(*words, image, *program.argv[1:])

    async def run_sandboxed(self, image: str, program: SandboxedProgram, output: Output) -> ProcessResult:
        """Run a program in a new container of `image`, which is removed afterwards."""
        name = self._new_name()
        try:
            return await self.runner.finish(
                self.sandbox_command(image, program, name),
                limit_s=program.limit_s,
                limit_bytes=program.limit_bytes,
                log=output.log,
                on_line=output.on_line,
            )
        finally:
            await self._remove(name, output)

    async def fetch(self, reference: str, output: Output, authfile: str = "") -> str:  # noqa: ARG002
        """Fetch an image by digest, with this engine's own credentials, and return the digest's name."""
        await self._run(self.command("pull", "--quiet", reference), Output(log=output.log))
        return reference

    async def push(self, image: str, reference: str, output: Output, authfile: str = "") -> str:  # noqa: ARG002
        """Refuse: images are pushed under their keys, and this engine gives no equal digests."""
        raise EngineError(
            f"{self.name} does not push images to the registry cache",
            hint=f"use `--engine {REPRODUCIBLE}`, or `--cache read`",
        )

    async def import_root(self, archive: Path, name: str, env: Mapping[str, str], output: Output) -> None:
        """Make the local image `name` from a tar of a root file system."""
        changes = [word for key, value in sorted(env.items()) for word in ("--change", f"ENV {key}={value}")]
        changes += ["--change", 'CMD ["python3"]']
        await self._run(self.command("import", *changes, str(archive), name), Output(log=output.log))

    async def inspect(self, image: str) -> ImageInfo:
        """Return the config and layers of an image; Docker reports one size, which the last layer gets."""
        (value,) = json.loads(await self._run(self.command("image", "inspect", image)))
        config: dict[str, Any] = {"config": value["Config"], "rootfs": value["RootFS"]}
        digests = [str(digest) for digest in value["RootFS"]["Layers"]]
        sizes = [0] * (len(digests) - 1) + [int(value["Size"])]
        layers = tuple(zip(digests, sizes, strict=True))
        return ImageInfo(id=str(value["Id"]), config=config, layers=layers, has_layer_sizes=False)

    async def tag(self, image: str, *names: str) -> None:
        """Give a local image more names."""
        for name in names:
            await self._run(self.command("tag", image, name))

    async def untag(self, reference: str) -> None:
        """Remove the name by which an image was fetched."""
        await self._run(self.command("rmi", reference))
