"""An engine in memory: images, layers and names are values, and nothing is started."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from anyio.lowlevel import checkpoint

from ci.engines.capabilities import BY_NAME, Capabilities
from ci.engines.engine import BuildRequest, ContainerRun, ImageInfo, Output, SandboxedProgram
from ci.engines.local_store import LocalStore
from ci.engines.machine import CPUINFO, machine_class
from ci.engines.process.command import ROOT, Privilege, ProcessResult
from ci.errors import CommandError, EngineError
from ci.names.digest import digest_of
from ci.registry.manifest import OCI
from ci.smoke.probe_program import REQUEST
from ci.smoke.results import LINE_PREFIX
from ci.steps.layout import APP, STAGED
from ci.steps.step import Entrypoint, Env, Files, Label, User, Workdir
from tests.fakes.fetching import fetch, program_of
from tests.fakes.image import LAYER_BYTES, FakeImage, json_bytes
from tests.fakes.registry import FakeRegistry
from tests.fakes.store import FakeStore


async def _nothing(_image: str) -> None:
    await checkpoint()


@dataclass(slots=True, kw_only=True)
class FakeEngine:
    """An engine whose store is a dictionary; runs that share it see each other's images.

    Attributes:
        registry: where it fetches from and pushes to; images of other hosts are always available.
        packages: the content of each package that can be fetched besides uv, by sha256.
        stored, names: the images by id, and the id of each name.
        calls: what was done, as (method, folder or reference), without what only reads.
        on_build: awaited in each build with the image's folder; it may raise CommandError, or wait.
        on_fetch, on_push: likewise, with the reference.
        salt: changes the content of every layer that is built.
        failing_checks: names of the folders of images whose checks fail.
        broken: what is wrong with an image of the store, by id.
        changed_layers: digests of layers whose files were changed after they were made.
        errors: what is wrong with the lists of the store.
        on_state: called after the state of the store was read.
        requests: what it was asked to build, in order.
        gpu: whether the machine has a GPU.
        step_lines: what the step of each build prints.
    """

    registry: FakeRegistry | None = None
    packages: Mapping[str, bytes] = field(default_factory=dict)
    name: str = "buildah"
    stored: dict[str, FakeImage] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    on_build: Callable[[str], Awaitable[None]] = _nothing
    on_fetch: Callable[[str], Awaitable[None]] = _nothing
    on_push: Callable[[str], Awaitable[None]] = _nothing
    salt: str = ""
    failing_checks: Collection[str] = ()
    broken: dict[str, str] = field(default_factory=dict)
    changed_layers: set[str] = field(default_factory=set)
    errors: tuple[str, ...] = ()
    on_state: Callable[[], None] = lambda: None
    requests: list[BuildRequest] = field(default_factory=list)
    gpu: bool = False
    step_lines: tuple[str, ...] = ()

    def done(self, method: str) -> list[str]:
        """Return what `method` was called with, in order."""
        return [what for name, what in self.calls if name == method]

    def files(self, name: str) -> dict[str, bytes]:
        """Return the content of each file that was copied into an image and its parents, by its path."""
        return dict(self._image(name).files)

    @property
    def capabilities(self) -> Capabilities:
        return BY_NAME[self.name]

    @property
    def privilege(self) -> Privilege:
        return ROOT

    @property
    def store(self) -> LocalStore | None:
        return FakeStore(self) if self.capabilities.store_on_this_machine else None

    @property
    def input_fetcher(self) -> None:
        return None

    def for_run(self, marker: Path, scratch: Path) -> FakeEngine:
        assert scratch.is_dir()
        assert marker.is_file()
        return self

    async def remove_stale_containers(self, markers: Sequence[Path]) -> int:
        await checkpoint()
        return 0

    async def images(self) -> dict[str, str]:
        await checkpoint()
        return dict(self.names)

    async def build(self, request: BuildRequest, output: Output) -> str:
        folder = request.context.name
        self.calls.append(("build", folder))
        self.requests.append(request)
        request.arguments(request.parent)
        last = [line for line in request.instructions.splitlines() if not line.startswith(" ")][-1]
        _write(output, f"STEP 1/1: {last}")
        for line in self.step_lines:
            _write(output, line)
        try:
            await self.on_build(folder)
        except CommandError as error:
            _write(output, error.tail)
            raise
        parent = self._image(request.parent)
        config = {**parent.config, "Labels": {**parent.config.get("Labels", {}), **request.labels}}
        for step in request.steps:
            match step:
                case Env(values=values):
                    config["Env"] = [*config.get("Env", []), *(f"{name}={text}" for name, text in values)]
                case User(user=user):
                    config["User"] = user
                case Workdir(path=path):
                    config["WorkingDir"] = path
                case Entrypoint(argv=argv):
                    config["Entrypoint"] = list(argv)
                case Label(values=values):
                    config["Labels"] |= dict(values)
                case _:
                    pass
        for reference, packages in request.folders.items():
            assert isinstance(packages, Path)
            assert (packages / "manifest.json").is_file(), reference
        files = _copied(request) if any(isinstance(step, Files) for step in request.steps) else {}
        digests = {path: digest_of(content) for path, content in files.items()}
        made_of = [
            self.salt,
            parent.layers,
            request.instructions,
            sorted(request.build_args.items()),
            digests,
        ]
        layer = (digest_of(json_bytes(made_of)), LAYER_BYTES)
        layers = (*parent.layers, layer)
        return self._store(
            FakeImage(config=config, layers=layers, folder=folder, files={**parent.files, **files})
        )

    async def run(self, image: str, run: ContainerRun, output: Output) -> str:
        """Run a fetching program in this process, with the packages that can be fetched at hand."""
        self._image(image)
        self.calls.append(("run", program_of(run)))
        _write(output, fetch(run, self.packages))
        await checkpoint()
        return ""

    async def attach(self, image: str, run: ContainerRun, *, terminal: bool) -> int:
        raise EngineError("this engine connects no terminal")

    async def warnings(self, image: str) -> tuple[str, ...]:
        self._image(image)
        await checkpoint()
        return ()

    async def machine_class(self) -> str:
        await checkpoint()
        return machine_class(CPUINFO.read_text())

    async def gpu_error(self, image: str) -> str:
        self._image(image)
        await checkpoint()
        return "" if self.gpu else "a fake has none"

    async def run_sandboxed(self, image: str, program: SandboxedProgram, output: Output) -> ProcessResult:
        found = self._image(image)
        request = json.loads(Path(str(program.mounts[0][0]), REQUEST).read_text())
        if "structure" in request["rungs"]:  # the other runs of the probe are part of the same check
            self.calls.append(("check", found.folder))
        status = "failed" if found.folder in self.failing_checks else "passed"
        events: list[dict[str, object]] = [
            {"event": "check", "rung": rung, "name": rung, "status": status, "detail": "", "seconds": 1.0}
            for rung in request["rungs"]
        ]
        lines = [LINE_PREFIX + json.dumps(event) for event in [*events, {"event": "ended"}]]
        await checkpoint()
        return ProcessResult(output="\n".join(lines) + "\n", status=0)

    async def fetch(self, reference: str, output: Output, authfile: str = "") -> str:
        self.calls.append(("fetch", reference))
        await self.on_fetch(reference)
        host, _, path = reference.partition("/")
        if self.registry is None or host != self.registry.host:
            layer = (digest_of(reference.encode()), LAYER_BYTES)
            return self._store(FakeImage(config={"Env": ["PATH=/usr/bin"]}, layers=(layer,)))
        repository, _, digest = path.partition("@")
        data = self.registry.manifests.get((repository, digest))
        if data is None:
            raise CommandError(("fake", "fetch", reference), 1, f"{reference}: manifest unknown")
        manifest = json.loads(data)
        document = json.loads(self.registry.blobs[repository, manifest["config"]["digest"]])
        blobs = [self.registry.blobs[repository, layer["digest"]] for layer in manifest["layers"]]
        layers = tuple((str(value["diff_id"]), int(value["size"])) for value in map(json.loads, blobs))
        id_ = self._store(
            FakeImage(config=document["config"], layers=layers, folder=repository.rpartition("/")[2])
        )
        self.names[reference] = id_
        return id_

    async def push(self, image: str, reference: str, output: Output, authfile: str = "") -> str:
        if self.registry is None:
            raise EngineError("this engine does not push")
        self.calls.append(("push", reference))
        await self.on_push(reference)
        found = self._image(image)
        repository, _, tag = reference.removeprefix(f"{self.registry.host}/").rpartition(":")
        layers = [json_bytes({"diff_id": diff_id, "size": size}) for diff_id, size in found.layers]
        config = json_bytes(found.document)
        for blob in (config, *layers):
            self.registry.blobs[repository, digest_of(blob)] = blob
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar+zstd", blob) for blob in layers],
        }
        return self.registry.put_manifest(repository, tag, json_bytes(manifest))

    async def import_root(self, archive: Path, name: str, env: Mapping[str, str], output: Output) -> None:
        self.calls.append(("import_root", name))
        layer = (digest_of(name.encode()), LAYER_BYTES)
        config = {"Env": [f"{key}={value}" for key, value in env.items()]}
        await self.tag(self._store(FakeImage(config=config, layers=(layer,))), name)

    async def inspect(self, image: str) -> ImageInfo:
        found = self._image(image)
        await checkpoint()
        return ImageInfo(id=found.id, config=found.document, layers=found.layers)

    async def tag(self, image: str, *names: str) -> None:
        id_ = self._image(image).id
        await checkpoint()
        self.names |= dict.fromkeys(names, id_)

    async def untag(self, reference: str) -> None:
        await checkpoint()
        if reference not in self.names:
            raise CommandError(("fake", "untag", reference), 1, f"{reference}: no such name")
        del self.names[reference]

    def _image(self, image: str) -> FakeImage:
        id_ = self.names.get(image, image.removeprefix("sha256:"))
        if id_ not in self.stored:
            raise CommandError(("fake", "inspect", image), 1, f"{image}: image not known")
        return self.stored[id_]

    def _store(self, image: FakeImage) -> str:
        """Store an image; one with the same config stays as it is, but for the folder's name."""
        known = self.stored.get(image.id)
        self.stored[image.id] = replace(image, folder=image.folder or (known.folder if known else ""))
        return image.id


def _copied(request: BuildRequest) -> dict[str, bytes]:
    """Return the files of the tree in the build context, by their path in the image."""
    top = request.context / STAGED
    return {f"{APP}/{one.relative_to(top)}": one.read_bytes() for one in top.rglob("*") if one.is_file()}


def _write(output: Output, text: str) -> None:
    """Send lines where an engine sends those of a child process."""
    for line in text.splitlines():
        if output.log is not None:
            with output.log.open("a") as log:
                log.write(f"{line}\n")
        if output.on_line is not None:
            output.on_line(line)


def _descriptor(type_: str, data: bytes) -> dict[str, object]:
    return {"mediaType": type_, "digest": digest_of(data), "size": len(data)}
