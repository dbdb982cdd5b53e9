"""Build inputs inside a Dagger engine, which shares no folder with this machine; fetched by hash.

Each image has package folders of its own. A program run fills each of them, and its only input is the lock
lines of that image, so its result is in the engine's cache until these change. Fetched files stay in a cache
volume, one for wheels and one for Debian packages, so that other images and later runs do not fetch
them again.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import anyio

from ci.catalog.stack import ImageVariant
from ci.engines.engine import BuildRequest, Engine, File, Folder, Output
from ci.engines.input_fetcher import CacheVolume, FetchRun, InputFetcher
from ci.errors import CommandError
from ci.plan.references import debhouse_reference, wheelhouse_reference
from ci.run.inputs.builder import builder_steps
from ci.run.inputs.fetch_failure import PYTHON_ENV, TARGET, UNREPORTED, failure_of
from ci.run.inputs.local import LocalInputs
from ci.run.inputs.messages import log_only, messages_only
from ci.run.workspace.workspace import Workspace
from ci.wheelhouse.input_document import compiles, debhouse_input, wheelhouse_input

PROGRAMS = {"wheelhouse": "fetch_wheels.py", "debhouse": "fetch_debs.py"}

VOLUMES = {
    kind: CacheVolume(name=f"dockwright-{kind}", path=f"{TARGET}/inputs", exclusive=kind == "debhouse")
    for kind in PROGRAMS
}
RESULT = "/run/dockwright-package-folder"
"""The filled folder, outside the volume."""
FAILURE = "dockwright-failure "
FILL = f"""python3 -I "$1" "$2" "$3" "$4" || {{
    printf '\\n{FAILURE}' >&2; cat "$3/partial/$(printf %s "$4" | tr / -).failure" >&2; exit 1
}}
cp -a "$3/$4" "$5"
"""
"""Fills a folder in the volume and copies it out (a volume is not part of a result); reports a failure."""
BUILDER = "builder"


@dataclass(slots=True, kw_only=True)
class EngineInputs:
    """The build inputs of one run, fetched by the engine; `local` makes those that need no container."""

    local: LocalInputs
    engine: Engine
    fetcher: InputFetcher
    needed: Collection[str]
    """`image:variant` of the images that are built."""
    _folders: dict[tuple[str, str], Folder] = field(default_factory=dict)
    """The filled folders, by kind and `image:variant`."""
    _of_kind: dict[str, anyio.CapacityLimiter] = field(init=False)
    """How many programs fill folders of each kind at once: of an exclusive volume one, others would wait."""
    _of_all: anyio.CapacityLimiter = field(init=False)
    """How many programs fill folders at once."""

    def __post_init__(self) -> None:
        capacity = self.workspace.capacity
        self._of_all = anyio.CapacityLimiter(capacity)
        self._of_kind = {
            kind: anyio.CapacityLimiter(1 if volume.exclusive else capacity)
            for kind, volume in VOLUMES.items()
        }

    @property
    def workspace(self) -> Workspace:
        """The workspace of the run."""
        return self.local.workspace

    def root_image(self) -> str:
        """Return the name of the image that root images, and the fetching containers, start from."""
        return self.local.root_image()

    async def base(self, output: Output) -> bool:
        """Add the image that root images start from to the engine; return whether it had to be made."""
        name = self.root_image()
        archived = log_only(output)
        if name in await self.engine.images() or await self.fetcher.import_archived(name, archived):
            return False
        return await self.local.base(output)

    async def debhouse(self, output: Output) -> bool:
        """Fill the debhouse of each image; one that is in the engine's cache takes a moment."""
        stack, mirrors = self.workspace.stack, self.local.mirrors
        async with anyio.create_task_group() as group:
            for image in self._images():
                if image.apt:
                    document = debhouse_input(stack, mirrors, {image.id}, builder=False)
                    group.start_soon(
                        self._fill, "debhouse", image.id, document, self.local.fetching_image, output
                    )
            if self._compiles():
                document = debhouse_input(stack, mirrors, set())
                group.start_soon(self._fill, "debhouse", BUILDER, document, self.root_image(), output)
        return True

    async def wheelhouse(self, variant: str, output: Output) -> bool:
        """Fill the wheelhouse of each image of a variant; distributions without a wheel are compiled."""
        stack, kind = self.workspace.stack, self.workspace.base.kind
        builder = await self._builder(output) if self._compiles() else ""
        async with anyio.create_task_group() as group:
            for image in self._images():
                if image.variant == variant and image.python_lock:
                    document = wheelhouse_input(stack, variant, kind, {image.id})
                    made_in = builder if document["builds"] else self.local.fetching_image
                    group.start_soon(self._fill, "wheelhouse", image.id, document, made_in, output)
        return True

    async def complete_wheelhouse(self, variant: str, output: Output) -> Folder:
        """Return the wheelhouse of a variant, for all its images; the debhouse has to be filled."""
        document = wheelhouse_input(self.workspace.stack, variant, self.workspace.base.kind)
        image = await self._builder(output) if document["builds"] else self.root_image()
        await self._fill("wheelhouse", variant, document, image, output)
        return self._folders["wheelhouse", variant]

    def folders(self, image: ImageVariant) -> dict[str, Folder]:
        """Return the folder behind each reference that the steps of `image` mount."""
        stack = self.workspace.stack
        found: dict[str, Folder] = {}
        if image.python_lock:
            found[wheelhouse_reference(stack, image.variant)] = self._folders["wheelhouse", image.id]
        if image.apt:
            found[debhouse_reference(stack)] = self._folders["debhouse", image.id]
        return found

    def parts(self, image: ImageVariant) -> dict[str, str]:  # noqa: ARG002
        """Return nothing: this engine's cache identifies a mounted folder by its content."""
        return {}

    def uv(self, image: ImageVariant) -> File | None:
        """Return uv, None where the image's wheelhouse has none."""
        folder = self._folders.get(("wheelhouse", image.id))
        return self.fetcher.file_in(folder, "uv") if folder is not None else None

    def _images(self) -> list[ImageVariant]:
        return [image for image in self.workspace.stack.images if image.id in self.needed]

    def _compiles(self) -> bool:
        return compiles(self._images())

    async def _builder(self, output: Output) -> str:
        """Return the id of the image that compiles sdists."""
        stack = self.workspace.stack
        request = BuildRequest(
            instructions="",
            steps=builder_steps(stack, self.root_image()),
            context=self.workspace.directory,
            parent=self.root_image(),
            folders={debhouse_reference(stack): self._folders["debhouse", BUILDER]},
        )
        return await self.engine.build(request, log_only(output))

    async def _fill(self, kind: str, id_: str, document: dict[str, Any], image: str, output: Output) -> None:
        """Run a fetching program, and remember the folder that it filled.

        Raises:
            FetchError, UnavailableError, LockError, BuildError, DiskFullError: by the program's report.
        """
        name = f"{kind}/{id_.replace(':', '-')}"
        program = Path(str(files("ci.wheelhouse.program").joinpath(PROGRAMS[kind])))
        text = json.dumps({**document, "known": {}}, indent=1)
        argv = ["sh", "-c", FILL, "sh", f"{TARGET}/program/{program.name}", f"{TARGET}/document.json"]
        argv += [f"{TARGET}/inputs", name, RESULT]
        run = FetchRun(
            image=image,
            argv=tuple(argv),
            files={f"{TARGET}/document.json": text},
            program=(program.parent, f"{TARGET}/program"),
            volume=VOLUMES[kind],
            env={**PYTHON_ENV, **self.local.retry_env()},
            result=RESULT,
        )
        try:
            async with self._of_kind[kind], self._of_all:
                folder = await self.fetcher.fetch_folder(run, messages_only(output))
        except CommandError as error:
            shown, report = _split(error)
            raise failure_of(name, report, shown, output) from shown
        self._folders[kind, id_] = folder


def _split(error: CommandError) -> tuple[CommandError, dict[str, Any]]:
    """Return the error of a fetching program without the line of its report, and the report."""
    before, found, report = error.tail.rpartition(FAILURE)
    if not found:
        return error, UNREPORTED
    shown = CommandError(error.argv, error.status, before.rstrip())
    try:
        return shown, dict(json.loads(report.splitlines()[0]))
    except (ValueError, IndexError):
        return shown, UNREPORTED
