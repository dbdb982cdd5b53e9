"""Everything from outside, fetched by hash inside an engine that shares no folder with this machine.

Each image's part is filled by a program run of its own, whose only input is that image's lock lines: it is in
the engine's cache until they change. What was fetched stays in one cache volume per kind of house, so that no
other image, and no later run, fetches it again.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import anyio
import dagger
from dagger import CacheSharingMode

from ci.catalog.stack import ImageVariant
from ci.engines.dagger.engine import DaggerEngine
from ci.engines.dagger.sdk import written
from ci.engines.engine import BuildRequest, File, Folder, Output
from ci.engines.network import CA_TARGET
from ci.errors import CommandError
from ci.plan.references import debhouse_reference, wheelhouse_reference
from ci.run.inputs.fetch_failure import PYTHON_ENV, TARGET, UNTOLD, failure_of
from ci.run.inputs.local import LocalInputs, builder_steps
from ci.run.workspace.workspace import Workspace
from ci.steps.layout import ROOT
from ci.wheelhouse.input_document import compiles, debhouse_input, wheelhouse_input

PROGRAMS = {"wheelhouse": "fetch_wheels.py", "debhouse": "fetch_debs.py"}

VOLUMES = {"wheelhouse": "SHARED", "debhouse": "LOCKED"}
"""How the cache volume of each kind of house is shared. Another way of sharing would be another volume: its
identity has the sharing in it. Source: Dagger 0.21.8, core/schema/cache.go."""
MADE = "/run/dockwright-house"
"""Where a filled house is, outside the volume."""
FAILURE = "dockwright-failure "
FILL = f"""python3 -I "$1" "$2" "$3" "$4" || {{
    printf '\\n{FAILURE}' >&2; cat "$3/parts/$(printf %s "$4" | tr / -).failure" >&2; exit 1
}}
cp -a "$3/$4" "$5"
"""
"""Fills a house in the volume and takes it out, since volumes are no part of any result; tells a failure."""
BUILDER = "builder"


@dataclass(slots=True, kw_only=True)
class DaggerInputs:
    """The houses of one run inside a Dagger engine; `local` makes what needs no container."""

    local: LocalInputs
    engine: DaggerEngine
    needed: Collection[str]
    """`image:variant` of what is built of them."""
    _filled: dict[tuple[str, str], dagger.Directory] = field(default_factory=dict)
    """By kind of house and `image:variant`."""
    _turns: dict[str, anyio.CapacityLimiter] = field(init=False)
    """How many programs fill each kind of house at once; those of a locked volume would only wait inside."""
    _all: anyio.CapacityLimiter = field(init=False)
    """How many programs fill houses at once."""

    def __post_init__(self) -> None:
        capacity = self.workspace.capacity
        self._all = anyio.CapacityLimiter(capacity)
        self._turns = {
            kind: anyio.CapacityLimiter(1 if sharing == "LOCKED" else capacity)
            for kind, sharing in VOLUMES.items()
        }

    @property
    def workspace(self) -> Workspace:
        """The workspace of the run."""
        return self.local.workspace

    def root_image(self) -> str:
        """Return the name of the image that root images, and what fetches, start from."""
        return self.local.root_image()

    async def base(self, output: Output) -> bool:
        """Bring what root images start from into the engine; return whether it had to be made."""
        name = self.root_image()
        if name in await self.engine.images() or await self.engine.import_kept(name, output):
            return False
        return await self.local.base(output)

    async def debhouse(self, output: Output) -> bool:
        """Fill the part of the debhouse of each image; what the engine's cache has takes a moment."""
        stack, mirrors = self.workspace.stack, self.local.mirrors
        async with anyio.create_task_group() as group:
            for image in self._images():
                if image.apt:
                    wanted = debhouse_input(stack, mirrors, {image.id}, builder=False)
                    group.start_soon(
                        self._fill, "debhouse", image.id, wanted, self.local.fetching_image, output
                    )
            if self._compiles():
                wanted = debhouse_input(stack, mirrors, set())
                group.start_soon(self._fill, "debhouse", BUILDER, wanted, self.root_image(), output)
        return True

    async def wheelhouse(self, variant: str, output: Output) -> bool:
        """Fill the part of a variant's wheelhouse of each image, and compile what has no wheel."""
        stack, kind = self.workspace.stack, self.workspace.base.kind
        builder = await self._builder(output) if self._compiles() else ""
        async with anyio.create_task_group() as group:
            for image in self._images():
                if image.variant == variant and image.python_lock:
                    wanted = wheelhouse_input(stack, variant, kind, {image.id})
                    made_in = builder if wanted["builds"] else self.local.fetching_image
                    group.start_soon(self._fill, "wheelhouse", image.id, wanted, made_in, output)
        return True

    async def whole(self, variant: str, output: Output) -> dagger.Directory:
        """Return the wheelhouse of a variant as one folder; the debhouse has to be filled."""
        wanted = wheelhouse_input(self.workspace.stack, variant, self.workspace.base.kind)
        image = await self._builder(output) if wanted["builds"] else self.root_image()
        await self._fill("wheelhouse", variant, wanted, image, output)
        return self._filled["wheelhouse", variant]

    def folders(self, image: ImageVariant) -> dict[str, Folder]:
        """Return the folder behind each reference that the steps of `image` mount."""
        stack = self.workspace.stack
        found: dict[str, Folder] = {}
        if image.python_lock:
            found[wheelhouse_reference(stack, image.variant)] = self._filled["wheelhouse", image.id]
        if image.apt:
            found[debhouse_reference(stack)] = self._filled["debhouse", image.id]
        return found

    def parts(self, image: ImageVariant) -> dict[str, str]:  # noqa: ARG002
        """Return nothing: this engine's cache knows what a step mounts by its content."""
        return {}

    def uv(self, image: ImageVariant) -> File | None:
        """Return uv, None where the image's house has none."""
        house = self._filled.get(("wheelhouse", image.id))
        return house.file("uv") if house is not None else None

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
            folders={debhouse_reference(stack): self._filled["debhouse", BUILDER]},
        )
        return await self.engine.build(request, output)

    async def _fill(self, kind: str, id_: str, wanted: dict[str, Any], image: str, output: Output) -> None:
        """Run a fetching program, and keep the house that it filled.

        Raises:
            FetchError, GoneError, LockError, BuildError, DiskFullError: as the program tells.
        """
        name = f"{kind}/{id_.replace(':', '-')}"
        client = self.engine.client
        program = Path(str(files("ci.wheelhouse.program").joinpath(PROGRAMS[kind])))
        text = json.dumps({**wanted, "known": {}}, indent=1)
        volume = client.cache_volume(f"dockwright-{kind}", sharing=CacheSharingMode[VOLUMES[kind]])
        container = (
            self.engine.container(image)
            .with_user(ROOT)
            .with_new_file(f"{TARGET}/input.json", text)
            .with_mounted_directory(f"{TARGET}/program", written(client, program.parent), read_only=True)
            .with_mounted_cache(f"{TARGET}/houses", volume, sharing=CacheSharingMode[VOLUMES[kind]])
        )
        if self.engine.ca is not None:
            container = container.with_mounted_file(CA_TARGET, self.engine.ca)
        for variable, value in {**PYTHON_ENV, **self.engine.network_env, **self.local.patience()}.items():
            container = container.with_env_variable(variable, value)
        argv = ["sh", "-c", FILL, "sh", f"{TARGET}/program/{program.name}", f"{TARGET}/input.json"]
        argv += [f"{TARGET}/houses", name, MADE]
        try:
            async with self._turns[kind], self._all:
                house = await self.engine.made(container.with_exec(argv), MADE, output)
        except CommandError as error:
            shown, told = _split(error)
            raise failure_of(name, told, shown, output) from shown
        self._filled[kind, id_] = house


def _split(error: CommandError) -> tuple[CommandError, dict[str, Any]]:
    """Return the failure of a fetching program without the line that tells why, and what that says."""
    before, found, told = error.tail.rpartition(FAILURE)
    if not found:
        return error, UNTOLD
    shown = CommandError(error.argv, error.status, before.rstrip())
    try:
        return shown, dict(json.loads(told.splitlines()[0]))
    except (ValueError, IndexError):
        return shown, UNTOLD
