"""The embedded engine: Buildah's commands, run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio

from ci.engines.buildah.commands import Buildah
from ci.engines.buildah.containers import (
    BEING_WRITTEN,
    LIST_AGAIN_S,
    MAKING_S,
    NONE_FOUND,
    container_name,
    container_records,
    listed_containers,
    marked,
    unfinished,
)
from ci.engines.buildah.store import StoredImage, store_lists, store_location, stored_images
from ci.engines.engine import BuildRequest, ImageInfo, Mounts, Output, SandboxedProgram
from ci.engines.gpu import Gpu, gpu_here
from ci.engines.machine import CPUINFO, machine_class
from ci.engines.oci_layout import normalised, write_layout
from ci.engines.process.command import Command, ProcessResult
from ci.engines.process.runner import Runner
from ci.engines.sandbox import CLOSES, sandbox_config
from ci.engines.store_state import StoreState, parse_store_state
from ci.errors import CommandError
from ci.lower.dockerfile import PARENT_ARG
from ci.names.digest import bare_digest
from ci.names.reference import LOCAL


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildahEngine:
    """Buildah on this machine; see ci/engines/engine.py for the contract."""

    buildah: Buildah
    runner: Runner
    _known: list[tuple[str, str]] = field(default_factory=list)
    """Where the store is, once it was asked for."""

    @property
    def name(self) -> str:
        """The engine's name."""
        return "buildah"

    def for_run(self, mark: Path, scratch: Path) -> BuildahEngine:
        """Return this engine for the run of that mark."""
        buildah = replace(self.buildah, mark=str(mark), tmpdir=str(scratch))
        return replace(self, buildah=buildah, runner=replace(self.runner, mark=str(mark)))

    async def remove_stale_containers(self, marks: Sequence[Path]) -> int:
        """Remove the working containers of these runs; see ci/engines/buildah/containers.py for how."""
        listed = listed_containers(await self.runner.run(self.buildah.containers()))
        if not listed or not marks:
            return 0
        records = container_records(await self.runner.run(self.buildah.info()))
        try:
            found = await self.runner.run(self.buildah.bearing([str(mark) for mark in marks], records))
        except CommandError as error:
            if error.status != NONE_FOUND:
                raise
            found = ""
        ours = marked(listed, [mark.name for mark in marks], found)
        if unfinished(listed):
            await anyio.sleep(MAKING_S)
            later = listed_containers(await self.runner.run(self.buildah.containers()))
            ours |= unfinished(listed) & unfinished(later)
        if ours:
            await self.runner.run(self.buildah.remove(*sorted(ours)))
        return len(ours)

    async def images(self) -> dict[str, str]:
        """Return the ids of all local images by name.

        Buildah lists nothing while anybody writes an image, so it is asked again until that is whole.
        """
        deadline_s = anyio.current_time() + MAKING_S
        while True:
            try:
                text = await self.runner.run(self.buildah.images())
                break
            except CommandError as error:
                if not BEING_WRITTEN.search(error.tail) or anyio.current_time() > deadline_s:
                    raise
            await anyio.sleep(LIST_AGAIN_S)
        listed = json.loads(text or "[]") or []
        return {
            name.removeprefix(LOCAL): str(image["id"])
            for image in listed
            for name in image.get("names") or []
        }

    async def stored(self) -> tuple[StoredImage, ...]:
        """Return all images of the store, those without a name too, with the layers that they share."""
        images, layers = store_lists(await self.runner.run(self.buildah.info()))
        if not await self.images() and not Path(images).exists():
            return ()
        texts = [await self.runner.run(self.buildah.read(path)) for path in (images, layers)]
        return stored_images(*texts)

    async def look(self, ids: Sequence[str]) -> StoreState | None:
        """Look at the store's files, beside what Buildah says of it."""
        root, driver = store_location(await self.runner.run(self.buildah.info()))
        return parse_store_state(root, await self.runner.run(self.buildah.look(root, driver, ids)))

    async def remove_damaged(self, images: Sequence[str]) -> None:
        """Remove images by id, whatever their layers look like."""
        await self.runner.run(self.buildah.remove_damaged(images))

    async def remove_images(self, *images: str) -> tuple[str, ...]:
        """Remove images by name or id, see Buildah.remove_images; return the ids of all that went.

        What an image was made on goes with it where nothing else needs it and it has no name.

        Raises:
            CommandError: at least one is in use, or was made on by another; the others are gone.
        """
        text = await self.runner.run(
            self.buildah.remove_images(*(LOCAL + image if "/" in image else image for image in images))
        )
        return tuple(line.strip().removeprefix("untagged: ") for line in text.splitlines())

    async def build(self, request: BuildRequest, output: Output) -> str:
        """Build an image in an empty network namespace and return its id, by a normalised config."""
        with tempfile.TemporaryDirectory(prefix="dockwright-", dir=self.buildah.tmpdir or None) as folder:
            dockerfile, image_id = Path(folder, "Dockerfile"), Path(folder, "image-id")
            ignore, cpu = Path(folder, "ignore-nothing"), Path(folder, "cpu-seconds")
            ignore.touch()
            dockerfile.write_text(request.instructions, encoding="utf-8")
            command = self.buildah.build(
                dockerfile=str(dockerfile),
                context=str(request.context),
                image_id_file=str(image_id),
                ignore_file=str(ignore),
                cpu_file=str(cpu),
                build_args={**request.build_args, PARENT_ARG: LOCAL + request.parent},
                contexts={name: str(path) for name, path in request.folders.items()},
                labels=request.labels,
                cache=request.cache,
            )
            await self.runner.run(command, log=output.log, on_line=output.on_line)
            if output.on_cpu is not None:
                output.on_cpu(float(cpu.read_text()))
            return await self._normalised(bare_digest(image_id.read_text().strip()))

    async def _normalised(self, image: str) -> str:
        """Return the id of the same image with a normalised config; no layer is copied."""
        info = await self.inspect(image)
        with tempfile.TemporaryDirectory(prefix="dockwright-", dir=self.buildah.tmpdir or None) as folder:
            id_ = write_layout(Path(folder), normalised(info.config), info.layers)
            await self.runner.run(self.buildah.take(folder, id_))
        return id_

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
        """Run `argv` in a working container of `image`, which is removed afterwards."""
        container = (await self.runner.run(self._start(image), log=output.log)).strip()
        try:
            command = self.buildah.run(container, argv, mounts=mounts, env=env, user=user, network=network)
            return await self.runner.run(command, log=output.log, on_line=output.on_line)
        finally:
            with anyio.CancelScope(shield=True):
                await self.runner.run(self.buildah.remove(container))

    @property
    def closes(self) -> str:
        """What a checked program can't reach: less where it can't have process numbers of its own."""
        return CLOSES if self.buildah.pid_namespace else f"{CLOSES}; it sees the machine's processes"

    async def machine(self) -> str:
        """Return the class of this machine."""
        return machine_class(CPUINFO.read_text())

    async def no_gpu(self, image: str) -> str:  # noqa: ARG002 it is the machine that is looked at
        """Return why there is no GPU on this machine, empty where there is one."""
        found = await gpu_here(self.runner)
        return found if isinstance(found, str) else ""

    async def check(self, image: str, closed: SandboxedProgram, output: Output) -> ProcessResult:
        """Run a program in an image of the store; no container is made, so nothing can stay of one."""
        root, driver = await self._place()
        gpu = await gpu_here(self.runner) if closed.gpu else ""
        with tempfile.TemporaryDirectory(
            prefix="dockwright-check-", dir=self.buildah.tmpdir or None
        ) as folder:
            scratch = Path(folder, "scratch")
            scratch.mkdir()
            spec = sandbox_config(closed, gpu if isinstance(gpu, Gpu) else None)
            id_ = bare_digest(image)
            place = {"root": root, "driver": driver, "image": id_, "scratch": str(scratch)}
            Path(folder, "spec.json").write_text(json.dumps({**spec, **place}))
            try:
                return await self.runner.finish(
                    self.buildah.check(f"{folder}/spec.json"),
                    limit_s=closed.limit_s,
                    limit_bytes=closed.limit_bytes,
                    log=output.log,
                    on_line=output.on_line,
                )
            finally:
                # an overlay's own folder may be entered by its owner alone
                with anyio.CancelScope(shield=True):
                    await self.runner.run(self.buildah.remove_folder(str(scratch)))

    async def _place(self) -> tuple[str, str]:
        """Return the store's root and the name of its driver, which stay what they are."""
        if not self._known:
            self._known.append(store_location(await self.runner.run(self.buildah.info())))
        return self._known[0]

    async def fetch(self, reference: str, output: Output, authfile: str = "") -> str:
        """Fetch an image by digest and return its id."""
        command = self.buildah.pull(reference, authfile)
        pulled = await self.runner.run(command, log=output.log, on_line=output.on_line)
        return bare_digest(pulled.strip().splitlines()[-1])

    async def push(self, image: str, reference: str, output: Output, authfile: str = "") -> str:
        """Push an image of the store by its id and return the digest of its manifest."""
        with tempfile.TemporaryDirectory(prefix="dockwright-", dir=self.buildah.tmpdir or None) as folder:
            digest = Path(folder, "digest")
            command = self.buildah.push(image, reference, str(digest), authfile)
            await self.runner.run(command, log=output.log, on_line=output.on_line)
            return digest.read_text().strip()

    async def import_root(self, archive: Path, name: str, env: Mapping[str, str], output: Output) -> None:
        """Make the local image `name` of a tar of a root file system."""
        container = (await self.runner.run(self._start("scratch"))).strip()
        try:
            await self.runner.run(self.buildah.add(container, str(archive)), log=output.log)
            await self.runner.run(self.buildah.config(container, env=env, cmd="python3"))
            await self.runner.run(self.buildah.commit(container, LOCAL + name), log=output.log)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.runner.run(self.buildah.remove(container))
            raise

    async def inspect(self, image: str) -> ImageInfo:
        """Return what a local image is; its layers are kept unpacked, so sizes are the manifest's."""
        value: dict[str, Any] = json.loads(await self.runner.run(self.buildah.inspect(image)))
        manifest = json.loads(value["Manifest"])
        layers = tuple((str(layer["digest"]), int(layer["size"])) for layer in manifest["layers"])
        return ImageInfo(id=str(value["FromImageID"]), config=dict(value["OCIv1"]), layers=layers)

    async def tag(self, image: str, *names: str) -> None:
        """Give a local image more names."""
        await self.runner.run(self.buildah.tag(image, *(LOCAL + name for name in names)))

    async def untag(self, reference: str) -> None:
        """Take the name by which it was fetched from an image."""
        await self.runner.run(self.buildah.remove_images(reference))

    def _start(self, image: str) -> Command:
        mark = self.buildah.mark
        return self.buildah.start(image, container_name(Path(mark).name) if mark else "")
