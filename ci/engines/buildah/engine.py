"""The embedded engine: Buildah's commands, run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio

from ci.engines.buildah.commands import Buildah, BuildFiles
from ci.engines.buildah.containers import (
    MAKING_S,
    NONE_FOUND,
    container_name,
    containers_of,
    listed_containers,
    unfinished,
)
from ci.engines.buildah.local_store import BuildahStore, write_conf
from ci.engines.capabilities import BUILDAH, Capabilities
from ci.engines.engine import (
    BuildRequest,
    ContainerRun,
    ImageInfo,
    Output,
    SandboxedProgram,
)
from ci.engines.gpu import Gpu
from ci.engines.gpu_probe import find_gpu_here
from ci.engines.machine import CPUINFO, machine_class
from ci.engines.oci_layout import (
    BLOBS,
    diff_ids_of,
    normalised,
    unpacked_layers,
    unpacked_sizes,
    with_layers,
    write_layout,
)
from ci.engines.process.attached import run_attached
from ci.engines.process.command import Command, Privilege, ProcessResult
from ci.engines.process.runner import Runner
from ci.engines.sandbox import sandbox_config
from ci.engines.secret_files import with_secret_files
from ci.errors import CommandError, EngineError
from ci.names.digest import bare_digest
from ci.names.reference import LOCAL


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildahEngine:
    """Buildah on this machine; see ci/engines/engine.py for the contract."""

    buildah: Buildah
    runner: Runner
    store: BuildahStore = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "store", BuildahStore(buildah=self.buildah, runner=self.runner))

    @property
    def name(self) -> str:
        """The engine's name."""
        return "buildah"

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; without a PID namespace a sandboxed program sees more.

        Layers that are found by comparing two copies of all files are not those of the kernel's overlay.
        """
        found, storage = BUILDAH, self.buildah.storage
        if not self.buildah.pid_namespace:
            found = replace(found, sandbox=f"{found.sandbox}; it sees the machine's processes")
        if not storage.is_mounted_by_kernel:
            program = Path(storage.mount_program).name
            found = replace(found, reproducible=False, pushes=False, difference=program or storage.driver)
        return found

    @property
    def privilege(self) -> Privilege:
        """How its commands get their rights."""
        return self.buildah.privilege

    @property
    def input_fetcher(self) -> None:
        """None: build inputs are fetched on this machine."""
        return None

    def for_run(self, marker: Path, scratch: Path) -> BuildahEngine:
        """Return this engine for the run with that marker."""
        buildah = replace(self.buildah, run_marker=str(marker), tmpdir=str(scratch))
        return replace(self, buildah=buildah, runner=replace(self.runner, run_marker=str(marker)))

    async def remove_stale_containers(self, markers: Sequence[Path]) -> int:
        """Remove the working containers of these runs; see ci/engines/buildah/containers.py for how."""
        listed = listed_containers(await self.runner.run(self.buildah.containers()))
        if not listed or not markers:
            return 0
        try:
            found = await self.runner.run(self.buildah.containers_of(markers))
        except CommandError as error:
            if error.status != NONE_FOUND:
                raise
            found = ""
        ours = containers_of(listed, [marker.name for marker in markers], found)
        if unfinished(listed):
            await anyio.sleep(MAKING_S)
            later = listed_containers(await self.runner.run(self.buildah.containers()))
            ours |= unfinished(listed) & unfinished(later)
        if ours:
            await self.runner.run(self.buildah.remove(*sorted(ours)))
        return len(ours)

    async def images(self) -> dict[str, str]:
        """Return the ids of all local images by name."""
        return await self.store.images()

    async def build(self, request: BuildRequest, output: Output) -> str:
        """Build an image in an empty network namespace and return its id, by a normalised config."""
        with self._folder() as folder:
            files = BuildFiles(
                dockerfile=folder / "Dockerfile",
                ignore=folder / "ignore-nothing",
                image_id=folder / "image-id",
                cpu_seconds=folder / "cpu-seconds",
            )
            files.ignore.touch()
            files.dockerfile.write_text(request.text, encoding="utf-8")
            await self._run(self.buildah.build(request, files), output)
            if output.on_cpu is not None:
                output.on_cpu(float(files.cpu_seconds.read_text()))
            info = await self.inspect(bare_digest(files.image_id.read_text().strip()))
            request.check_executed(info.config)
            return await self._normalised(info)

    async def _normalised(self, info: ImageInfo) -> str:
        """Return the id of the same image with a normalised config; only what mounts changed is copied."""
        with self._folder() as folder:
            config, layers = normalised(info.config), info.layers
            if self.privilege.rootless and self.buildah.storage.is_mounted_by_kernel:
                (folder / BLOBS).mkdir(parents=True)
                text = await self.runner.run(self.buildah.plain_layers(info.id, str(folder / BLOBS)))
                replaced = {str(old): (str(new), int(size)) for old, new, size in json.loads(text)}
                config, layers = with_layers(config, layers, replaced)
            id_ = write_layout(folder, config, layers)
            await self.runner.run(self.buildah.import_layout(str(folder), id_, self._conf(folder)))
        return id_

    async def run(self, image: str, run: ContainerRun, output: Output) -> str:
        """Run a program in a working container of `image`, which is removed afterwards."""
        container = (await self.runner.run(self._start(image), log=output.log)).strip()
        try:
            with with_secret_files(run, self.buildah.tmpdir) as run_with_files:
                return await self._run(self.buildah.run(container, run_with_files), output)
        finally:
            with anyio.CancelScope(shield=True):
                await self.runner.run(self.buildah.remove(container))

    async def attach(self, image: str, run: ContainerRun, *, terminal: bool) -> int:
        """Run a program in a working container with our inputs and outputs."""
        container = (await self.runner.run(self._start(image))).strip()
        try:
            command = self.buildah.run(container, run, terminal=terminal)
            return await run_attached(command, run_marker=self.runner.run_marker, kills=True)
        finally:
            with anyio.CancelScope(shield=True):
                await self.runner.run(self.buildah.remove(container))

    async def machine_class(self) -> str:
        """Return the class of this machine."""
        return machine_class(CPUINFO.read_text())

    async def gpu_error(self, image: str) -> str:  # noqa: ARG002 only the machine decides it
        """Return why this machine has no GPU to give, empty where it has one."""
        found = await find_gpu_here(self.runner)
        return found if isinstance(found, str) else ""

    async def warnings(self, image: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return what the user should know of how layers are stored."""
        return tuple(filter(None, [self.buildah.storage.warning]))

    async def run_sandboxed(self, image: str, program: SandboxedProgram, output: Output) -> ProcessResult:
        """Run a program in an image of the store; no container is made, so none can be left behind."""
        gpu = await find_gpu_here(self.runner) if program.gpu else ""
        with self._folder("dockwright-check-") as folder:
            scratch = folder / "scratch"
            scratch.mkdir()
            spec = sandbox_config(program, gpu if isinstance(gpu, Gpu) else None)
            id_ = bare_digest(image)
            storage = self.buildah.storage
            place = {
                "root": storage.root,
                "driver": storage.driver,
                "image": id_,
                "scratch": str(scratch),
            }
            (folder / "spec.json").write_text(json.dumps({**spec, **place}))
            try:
                return await self.runner.finish(
                    self.buildah.sandbox(f"{folder}/spec.json"),
                    limit_s=program.limit_s,
                    limit_bytes=program.limit_bytes,
                    log=output.log,
                    on_line=output.on_line,
                )
            finally:
                # an overlay's own folder may be entered by its owner alone
                with anyio.CancelScope(shield=True):
                    await self.runner.run(self.buildah.remove_folder(str(scratch)))

    async def fetch(self, reference: str, output: Output, authfile: str = "") -> str:
        """Fetch an image by digest and return its id."""
        pulled = await self._run(self.buildah.pull(reference, authfile), output)
        return bare_digest(pulled.strip().splitlines()[-1])

    async def push(self, image: str, reference: str, output: Output, authfile: str = "") -> str:
        """Push an image of the store by its id and return the digest of its manifest."""
        with self._folder() as folder:
            digest = folder / "digest"
            command = self.buildah.push(
                image, reference, str(digest), conf=self._conf(folder), authfile=authfile
            )
            await self._run(command, output)
            return digest.read_text().strip()

    async def import_root(self, archive: Path, name: str, env: Mapping[str, str], output: Output) -> None:
        """Make the local image `name` from a tar of a root file system."""
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
        """Return the config and layers of an image, each layer by its DiffID with its bytes unpacked.

        The manifest has them, except for an image that came from a registry: that one's manifest has digests
        and sizes of compressed layers.
        """
        value: dict[str, Any] = json.loads(await self.runner.run(self.buildah.inspect(image)))
        id_, config = str(value["FromImageID"]), dict(value["OCIv1"])
        layers = unpacked_layers(json.loads(value["Manifest"]), config)
        if layers is None:
            layers = await self._stored_layers(id_, config)
        return ImageInfo(id=id_, config=config, layers=layers)

    async def _stored_layers(self, id_: str, config: dict[str, Any]) -> tuple[tuple[str, int], ...]:
        """Return (DiffID, bytes unpacked) of each layer by the records of the store; else they are counted.

        Raises:
            EngineError: the image has other layers than its config says.
        """
        diff_ids = diff_ids_of(config)
        stored = next((one for one in await self.store.stored_images() if one.id == id_), None)
        sizes = [size for _, size in stored.layers] if stored is not None else []
        if len(sizes) != len(diff_ids) or not all(sizes):
            with self._folder() as folder:
                await self.runner.run(self.buildah.unpack(id_, str(folder / "layers"), self._conf(folder)))
                sizes = unpacked_sizes(folder / "layers")
        if len(sizes) != len(diff_ids):
            raise EngineError(
                f"{id_}: has {len(sizes)} layers in the store, and {len(diff_ids)} in its config"
            )
        return tuple(zip(diff_ids, sizes, strict=True))

    async def tag(self, image: str, *names: str) -> None:
        """Give a local image more names."""
        await self.runner.run(self.buildah.tag(image, *(LOCAL + name for name in names)))

    async def untag(self, reference: str) -> None:
        """Remove the name by which an image was fetched."""
        await self.runner.run(self.buildah.remove_images(reference))

    def _conf(self, folder: Path) -> str:
        return write_conf(self.buildah.storage, folder)

    def _start(self, image: str) -> Command:
        marker = self.buildah.run_marker
        return self.buildah.start(image, container_name(Path(marker).name) if marker else "")

    async def _run(self, command: Command, output: Output) -> str:
        return await self.runner.run(command, log=output.log, on_line=output.on_line)

    @contextmanager
    def _folder(self, prefix: str = "dockwright-") -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix=prefix, dir=self.buildah.tmpdir or None) as folder:
            yield Path(folder)
