"""Docker and Podman: the same rendered instructions by their own builders. No promise of equal digests."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.engines.command import Command
from ci.engines.engine import BuildRequest, ImageInfo, Mounts, Output
from ci.engines.runner import Runner
from ci.lower.dockerfile import PARENT_ARG

LOCAL = "localhost/"
BUILDKIT = (("DOCKER_BUILDKIT", "1"),)


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
    ) -> Command:
        """Return the command that runs `argv` in a container which is removed afterwards."""
        words = ["run", "--rm", "--network", "host" if network else "none", "--entrypoint", argv[0]]
        words += [word for mount in mounts for word in ("--volume", ":".join(mount))]
        words += [word for name, value in sorted(env.items()) for word in ("--env", f"{name}={value}")]
        words += ["--user", user] if user else []
        return self.command(*words, image, *argv[1:])

    async def images(self) -> dict[str, str]:
        """Return the ids of all local images by name."""
        text = await self.runner.run(
            self.command("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")
        )
        rows = (line.split() for line in text.splitlines())
        return {name.removeprefix(LOCAL): id_ for name, id_ in rows if "<none>" not in name}

    async def build(self, request: BuildRequest, output: Output) -> str:
        """Build an image and return its id; folders go in as local images first."""
        with tempfile.TemporaryDirectory(prefix="dockwright-") as folder:
            dockerfile, image_id = Path(folder, "Dockerfile"), Path(folder, "image-id")
            for reference, path in sorted(request.folders.items()):
                dockerfile.write_text("FROM scratch\nCOPY . /\n")
                command = self.command("build", "--tag", reference, "--file", str(dockerfile), str(path))
                await self.runner.run(command, log=output.log)
            dockerfile.write_text(request.instructions, encoding="utf-8")
            command = self.build_command(request, dockerfile, image_id)
            await self.runner.run(command, log=output.log, on_line=output.on_line)
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
        """Run `argv` in a new container of `image`."""
        command = self.run_command(image, argv, mounts, env or {}, user, network)
        return await self.runner.run(command, log=output.log, on_line=output.on_line)

    async def pull(self, reference: str, name: str, output: Output) -> None:
        """Fetch an image by digest and give it a local name."""
        await self.runner.run(self.command("pull", "--quiet", reference), log=output.log)
        await self.tag(reference, name)

    async def import_root(self, archive: Path, name: str, env: Mapping[str, str], output: Output) -> None:
        """Make the local image `name` of a tar of a root file system."""
        changes = [word for key, value in sorted(env.items()) for word in ("--change", f"ENV {key}={value}")]
        await self.runner.run(self.command("import", *changes, str(archive), name), log=output.log)

    async def inspect(self, image: str) -> ImageInfo:
        """Return what a local image is; no layer sizes are told here, so all bytes stand at the last one."""
        (value,) = json.loads(await self.runner.run(self.command("image", "inspect", image)))
        config: dict[str, Any] = {"config": value["Config"], "rootfs": value["RootFS"]}
        digests = [str(digest) for digest in value["RootFS"]["Layers"]]
        sizes = [0] * (len(digests) - 1) + [int(value["Size"])]
        return ImageInfo(id=str(value["Id"]), config=config, layers=tuple(zip(digests, sizes, strict=True)))

    async def tag(self, image: str, *names: str) -> None:
        """Give a local image more names."""
        for name in names:
            await self.runner.run(self.command("tag", image, name))
