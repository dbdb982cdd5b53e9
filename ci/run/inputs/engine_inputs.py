"""Build inputs inside a Dagger engine, which shares no folder with this machine; fetched by hash.

Each image has package folders of its own. A program run fills each of them, and its only input is the lock
lines of that image, so its result is in the engine's cache until these change. Fetched files stay in a cache
volume, one for wheels and one for Debian packages, so that other images and later runs do not fetch
them again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio

from ci.catalog.stack import ImageVariant
from ci.engines.engine import BuildRequest, Engine, File, Folder, Output
from ci.engines.input_fetcher import CacheVolume, FetchRun, InputFetcher
from ci.errors import CommandError
from ci.plan.references import debhouse_reference, wheelhouse_reference
from ci.run.inputs.builder import builder_steps
from ci.run.inputs.compile_run import JOBS, Job, compile_argv, parse_jobs
from ci.run.inputs.fetch_failure import (
    PROGRAM_FOLDER,
    PYTHON_ENV,
    TARGET,
    UNREPORTED,
    FailureReport,
    failure_of,
    parse_report,
)
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
REPORTED = f"""python3 -I "$1" "$2" "$3" "$4" || {{
    printf '\\n{FAILURE}' >&2; cat "$3/partial/$(printf %s "$4" | tr / -).failure" >&2; exit 1
}}
"""
"""Runs a program; reports a failure."""
FILL = f"""{REPORTED}work="$3/partial/$(printf %s "$4" | tr / -).builder"
if [ -e "$work/jobs.json" ]; then cp -a "$work" "$5"; else cp -a "$3/$4" "$5"; fi
"""
"""Fills a folder in the volume and copies it out (a volume is not part of a result).

Where sdists have to be compiled first, what that takes is copied out instead: see program/wheel_folder.py.
"""
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
                if image.variant == variant and image.needs_wheelhouse:
                    document = wheelhouse_input(stack, variant, kind, {image.id})
                    group.start_soon(self._fill_wheels, image.id, document, builder, output)
        return True

    async def complete_wheelhouse(self, variant: str, output: Output) -> Folder:
        """Return the wheelhouse of a variant, for all its images; the debhouse has to be filled."""
        document = wheelhouse_input(self.workspace.stack, variant, self.workspace.base.kind)
        builder = await self._builder(output) if document["builds"] else ""
        await self._fill_wheels(variant, document, builder, output)
        return self._folders["wheelhouse", variant]

    async def changed_files(self, image: ImageVariant) -> tuple[str, ...]:  # noqa: ARG002
        """Return nothing: this engine identifies a folder by its content."""
        return ()

    def folders(self, image: ImageVariant) -> dict[str, Folder]:
        """Return the folder behind each reference that the steps of `image` mount."""
        stack = self.workspace.stack
        found: dict[str, Folder] = {}
        if image.needs_wheelhouse:
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
            context=self.local.empty_folder(),
            parent=self.root_image(),
            folders={debhouse_reference(stack): self._folders["debhouse", BUILDER]},
        )
        return await self.engine.build(request, log_only(output))

    async def _fill_wheels(self, id_: str, document: dict[str, Any], builder: str, output: Output) -> None:
        """Fetch wheels, compile sdists in a container each, and remember the folder of all of them."""
        image = self.local.fetching_image
        await self._fill("wheelhouse", id_, document, image, output)
        fetched = self._folders["wheelhouse", id_]
        jobs = parse_jobs(await self.fetcher.read(fetched, JOBS) or "[]")
        if not jobs:
            return
        made: dict[str, Folder] = {}

        async def compile_one(job: Job) -> None:
            made[f"{TARGET}/made/{job.key}"] = await self._compile(job, fetched, builder, output)

        async with anyio.create_task_group() as group:
            for job in jobs:
                group.start_soon(compile_one, job)
        await self._fill("wheelhouse", id_, {**document, "made": f"{TARGET}/made"}, image, output, made)

    async def _compile(self, job: Job, fetched: Folder, builder: str, output: Output) -> Folder:
        """Compile an sdist of `fetched` and return the folder of its wheel."""
        folder = self.fetcher.folder_in
        run = FetchRun(
            image=builder,
            argv=("sh", "-c", REPORTED, "sh", *compile_argv(job)[2:]),
            program=(PROGRAM_FOLDER, f"{TARGET}/program"),
            folders={
                f"{TARGET}/work/requirements": folder(fetched, "requirements"),
                f"{TARGET}/work/job": folder(fetched, f"jobs/{job.key}"),
            },
            env=PYTHON_ENV,
            result=f"{TARGET}/made",
            network=False,
        )
        return await self._made(run, "wheelhouse", job.file, output)

    async def _fill(
        self,
        kind: str,
        id_: str,
        document: dict[str, Any],
        image: str,
        output: Output,
        made: Mapping[str, Folder] | None = None,
    ) -> None:
        """Run a fetching program, and remember the folder that it filled.

        With the folders `made` of compiled wheels, nothing is fetched any more.

        Raises:
            FetchError, UnavailableError, LockError, BuildError, DiskFullError: by the program's report.
        """
        name = f"{kind}/{id_.replace(':', '-')}"
        program = PROGRAMS[kind] if made is None else "fill_wheels.py"
        text = json.dumps({**document, "known": {}}, indent=1)
        argv = ["sh", "-c", FILL, "sh", f"{TARGET}/program/{program}", f"{TARGET}/document.json"]
        argv += [f"{TARGET}/inputs", name, RESULT]
        run = FetchRun(
            image=image,
            argv=tuple(argv),
            files={f"{TARGET}/document.json": text},
            program=(PROGRAM_FOLDER, f"{TARGET}/program"),
            volume=VOLUMES[kind],
            folders=made or {},
            env={**PYTHON_ENV, **self.local.retry_env()},
            result=RESULT,
            network=made is None,
        )
        self._folders[kind, id_] = await self._made(run, kind, name, output)

    async def _made(self, run: FetchRun, kind: str, name: str, output: Output) -> Folder:
        """Return the folder that a program leaves; `name` is what it works on."""
        try:
            async with self._of_kind[kind], self._of_all:
                return await self.fetcher.fetch_folder(run, messages_only(output))
        except CommandError as error:
            shown, report = _split(error)
            raise failure_of(name, report, shown, output) from shown


def _split(error: CommandError) -> tuple[CommandError, FailureReport]:
    """Return the error of a fetching program without the line of its report, and the report."""
    before, found, report = error.tail.rpartition(FAILURE)
    if not found:
        return error, UNREPORTED
    shown = CommandError(error.argv, error.status, before.rstrip())
    return shown, parse_report((report.splitlines() or [""])[0])
