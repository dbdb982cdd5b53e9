"""Everything from outside, fetched by hash before an image is built: bootstrap base, debhouse, wheelhouse."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from ci.catalog.stack import ImageVariant, Stack
from ci.engines.engine import BuildRequest, Engine, File, Folder, Output
from ci.engines.network import network_env, network_mounts
from ci.errors import BuildError, CommandError, DockwrightError, FetchError
from ci.lower.dockerfile import DEBS_ARG, instructions, wheels_arg
from ci.plan.keys import digest, tag
from ci.plan.recipes import apt_list, wheel_lists
from ci.plan.references import debhouse_reference, digest_reference, wheelhouse_reference
from ci.run.inputs.bootstrap import fetch_command, make_bootstrap
from ci.run.inputs.compiled import to_compile
from ci.run.inputs.fetch_failure import PYTHON_ENV, TARGET, UNTOLD, failure_of
from ci.run.inputs.snapshot import view_of
from ci.run.workspace.atomic_write import write_atomically
from ci.run.workspace.base_kind import root_image
from ci.run.workspace.file_lock import key_lock, lock_path
from ci.run.workspace.workspace import Workspace
from ci.steps.layout import ROOT
from ci.steps.step import Apt, From, Step, User
from ci.wheelhouse.input_document import (
    Mirrors,
    bootstrap_input,
    debhouse_input,
    locked_files,
    wheelhouse_input,
)
from ci.wheelhouse.manifest import Manifest, known_files, read_manifest, verify

WAITING = "dockwright: "
"""Begins a line of a task's output that is no program's."""


def builder_steps(stack: Stack, root_image: str) -> tuple[Step, ...]:
    """Return the recipe of the image that compiles sdists."""
    name = apt_list(stack.builder.apt, stack.builder.apt_lock)
    return (
        From(parent="builder", default_reference=root_image),
        User(user=ROOT),
        Apt(name=name, debhouse=debhouse_reference(stack)),
    )


@dataclass(slots=True)
class LocalInputs:
    """The folders of one workspace. `bundle` is an exported folder that is used in their place."""

    workspace: Workspace
    engine: Engine
    bundle: Path | None = None
    held: Collection[str] = ()
    """Names of the images that the store had when the plan was made."""
    fetched_root: str = ""
    """Name of a root image from a registry, in whose container is fetched too, so that no base is needed."""
    needed: Collection[str] | None = None
    """`image:variant` of what is built of them; None: of all. A house that serves all serves these too."""
    manifests: dict[str, Manifest] = field(default_factory=dict)
    views: dict[str, Path] = field(default_factory=dict)
    """This run's own views of what is ready."""

    @property
    def _state(self) -> Path:
        return self.workspace.state.root

    def folder(self, name: str) -> Path:
        """Return the folder of `bootstrap`, `debhouse` or `wheelhouse/VARIANT`."""
        return (self.bundle or self.workspace.state.houses) / name

    def view(self, name: str) -> Path:
        """Return the folder that images are built from: what no other run changes, once it is ready."""
        return self.views.get(name, self.folder(name))

    @property
    def mirrors(self) -> Mirrors:
        """Where Debian packages are fetched from."""
        settings = self.workspace.settings
        return Mirrors(debian=settings.debian_mirror, security=settings.security_mirror)

    @property
    def fetching_image(self) -> str:
        """The name of the local image in whose container files are fetched."""
        return self.fetched_root or self.root_image()

    def root_image(self) -> str:
        """Return the name of the local image that root images, and the fetching containers, start from."""
        return root_image(self.workspace.stack, self.workspace.base.kind)

    def _outside(self) -> str:
        """Return `repository@digest` of the image from outside that root images start from."""
        stack = self.workspace.stack
        parent = next(image.parent for image in stack.images if image.is_root)
        return digest_reference(stack, parent)

    def ready(self, name: str, wanted: dict[str, Any]) -> Manifest | None:
        """Return the manifest of the folder `name` when it is what `wanted` asks for, every file by hash.

        Raises:
            FetchError: an exported bundle does not hold what this checkout's locks name.
        """
        folder = self.folder(name)
        try:
            manifest = read_manifest(folder)
            wrong = [] if manifest.input == wanted["input"] else ["it was made from other locks"]
            wrong += [
                f"{folder / path}: its lock has another sha256 than the manifest"
                for path, sha256 in sorted(locked_files(wanted).items())
                if not wrong and manifest.files.get(path) != sha256
            ]
            if not wrong:
                seen = self.workspace.state.seen()
                wrong = verify(manifest, seen)
                self.workspace.state.write_seen(seen)
        except FetchError as error:
            if self.bundle is not None:
                raise
            manifest, wrong = None, [str(error)]
        if wrong and self.bundle is not None:
            raise FetchError(
                f"{folder}: {'; '.join(wrong[:3])}; export it again with `dockwright wheelhouse --export`"
            )
        if wrong or manifest is None:
            return None
        self.manifests[name] = manifest
        if self.workspace.run and self.bundle is None:
            self.views[name] = view_of(folder, self.workspace.scratch / "houses" / name)
        return manifest

    async def base(self, output: Output) -> bool:
        """Bring what root images start from into the store unless it is there; return whether it was not.

        Raises:
            FetchError: the registry, or the archive of Debian packages, does not give it.
        """
        name = self.root_image()
        if name in self.held or name in await self.engine.images():
            return False
        async with self._locked("base", output, "makes the base"):
            if name in await self.engine.images():
                return False
            if self.workspace.base.kind == "registry":
                try:
                    await self.engine.tag(await self.engine.fetch(self._outside(), output), name)
                except CommandError as error:
                    what = f"{self._outside()} could not be fetched; `--base bootstrap` needs no registry"
                    raise FetchError(f"{what}\n{error.tail}") from error
                return True
            await self.fetch_bootstrap(output)
            debs = self.view("bootstrap") / "debs"
            await make_bootstrap(self.workspace, self.engine, debs, name, output)
        return True

    async def fetch_bootstrap(self, output: Output) -> None:
        """Fetch the bootstrap base's packages on this machine: no container is there yet."""
        wanted = bootstrap_input(self.workspace.stack, self.mirrors)
        async with self._locked("bootstrap", output, "fetches the base's packages"):
            if self.ready("bootstrap", wanted) is not None:
                return
            input_file = self._write_input("bootstrap", wanted)
            command = fetch_command(input_file, self.workspace.state.houses, "bootstrap")
            command = replace(command, env=tuple(self.patience().items()))
            try:
                await self.workspace.runner.run(command, log=output.log, on_line=output.on_line)
            except CommandError as error:
                raise self._failure("bootstrap", error, output) from error
            self._checked("bootstrap", wanted)

    async def debhouse(self, output: Output) -> bool:
        """Fill the debhouse in a container with apt's tools; return whether anything had to be fetched."""
        stack, mirrors = self.workspace.stack, self.mirrors
        choices = [debhouse_input(stack, mirrors)]
        if self._chooses:
            builder = to_compile(self.workspace, self.needed)
            choices.append(debhouse_input(stack, mirrors, self.needed, builder=builder))
        async with self._locked("debhouse", output, "fills the debhouse"):
            if any(self.ready("debhouse", wanted) is not None for wanted in choices):
                return False
            wanted = choices[-1]
            await self._in_container("debhouse", self.fetching_image, "fetch_debs.py", wanted, output)
        return True

    async def wheelhouse(self, variant: str, output: Output) -> bool:
        """Fill a variant's wheelhouse in the builder's container; return whether anything was done."""
        stack = self.workspace.stack
        name = f"wheelhouse/{variant}"
        kind = self.workspace.base.kind
        choices = [wheelhouse_input(stack, variant, kind)]
        if self._chooses:
            choices.append(wheelhouse_input(stack, variant, kind, self.needed))
        async with self._locked(name, output, f"fills {name}"):
            if any(self.ready(name, wanted) is not None for wanted in choices):
                return False
            wanted = choices[-1]
            compiles = to_compile(self.workspace, self.needed)
            image = await self._builder(output) if compiles else self.fetching_image
            await self._in_container(name, image, "fetch_wheels.py", wanted, output)
        return True

    @property
    def _chooses(self) -> bool:
        """Whether a house is filled for what is needed alone; one that serves all does too."""
        return self.needed is not None and self.bundle is None

    def builder_image(self) -> tuple[str, tuple[str, ...], str]:
        """Return the name, the instructions and the digest of the packages of the image that compiles sdists.

        The debhouse has to be ready.
        """
        stack = self.workspace.stack
        name = apt_list(stack.builder.apt, stack.builder.apt_lock)
        text = instructions(builder_steps(stack, self.root_image()))
        debs = self.manifests["debhouse"].part(name)
        return f"{stack.namespace}/builder:{tag(digest([self.root_image(), text, debs]))}", text, debs

    async def _builder(self, output: Output) -> str:
        """Return the name of the image that compiles sdists, built offline where the store lacks it."""
        image, text, debs = self.builder_image()
        async with self._locked("builder", output, "builds the image that compiles sdists"):
            if image not in await self.engine.images():
                request = BuildRequest(
                    instructions="\n".join(text) + "\n",
                    context=self._empty_folder(),
                    parent=self.root_image(),
                    build_args={DEBS_ARG: debs},
                    folders={debhouse_reference(self.workspace.stack): self.view("debhouse")},
                )
                await self.engine.tag(await self.engine.build(request, output), image)
        return image

    def folders(self, image: ImageVariant) -> dict[str, Folder]:
        """Return the folder behind each reference that the instructions of `image` mount."""
        stack = self.workspace.stack
        found: dict[str, Folder] = {}
        if image.python_lock:
            wheelhouse = f"wheelhouse/{image.variant}"
            found[wheelhouse_reference(stack, image.variant)] = self.view(wheelhouse)
        if image.apt:
            found[debhouse_reference(stack)] = self.view("debhouse")
        return found

    def parts(self, image: ImageVariant) -> dict[str, str]:
        """Return the digest of what `image` uses of each house, by the build argument that names it."""
        args = {}
        if image.python_lock:
            wheelhouse = self.manifests[f"wheelhouse/{image.variant}"]
            args = {wheels_arg(name): wheelhouse.part(name) for name in wheel_lists(image)}
        if image.apt:
            args[DEBS_ARG] = self.manifests["debhouse"].part(apt_list(image.apt, image.apt_lock))
        return args

    def uv(self, image: ImageVariant) -> File | None:
        """Return uv, None where the image's house has none."""
        uv = self.view(f"wheelhouse/{image.variant}") / "uv"
        return uv if uv.is_file() else None

    async def _in_container(
        self, name: str, image: str, program: str, wanted: dict[str, Any], output: Output
    ) -> None:
        """Run a fetching program in a container that may reach the network, then check what it left."""
        houses = self.workspace.state.houses
        houses.mkdir(parents=True, exist_ok=True)
        input_file = self._write_input(name.replace("/", "-"), wanted)
        script = Path(str(files("ci.wheelhouse.program").joinpath(program)))
        mounts = [
            (input_file.parent, f"{TARGET}/input", "ro"),
            (script.parent, f"{TARGET}/program", "ro"),
            # one mount for all of them: a hard link from one mount to another is refused
            (houses, f"{TARGET}/houses", "rw"),
            *network_mounts(os.environ),
        ]
        argv = ["python3", "-I", f"{TARGET}/program/{program}", f"{TARGET}/input/{input_file.name}"]
        argv += [f"{TARGET}/houses", name]
        env = {**PYTHON_ENV, **network_env(os.environ), **self.patience()}
        try:
            await self.engine.run(image, argv, mounts=mounts, env=env, user=ROOT, network=True, output=output)
        except CommandError as error:
            raise self._failure(name, error, output) from error
        self._checked(name, wanted)

    def _failure(self, name: str, error: CommandError, output: Output) -> DockwrightError:
        """Return what the program that filled `name` failed of; it tells that in a file."""
        houses = self.workspace.state.houses
        told = houses / "parts" / f"{name.replace('/', '-')}.failure"
        try:
            value = json.loads(told.read_text())
            told.unlink()
        except (OSError, ValueError):
            value = UNTOLD
        text = value["text"].replace(f"{TARGET}/houses", str(houses))
        return failure_of(name, {**value, "text": text}, error, output)

    def patience(self) -> dict[str, str]:
        """Return the environment by which a fetching program knows how long to wait for a server."""
        return {"DOCKWRIGHT_FETCH_TIMEOUT_S": f"{self.workspace.settings.fetch_timeout_s:g}"}

    def _checked(self, name: str, wanted: dict[str, Any]) -> None:
        if self.ready(name, wanted) is None:
            raise BuildError(f"{self.folder(name)}: filled, but not what the locks name")

    def _write_input(self, name: str, wanted: dict[str, Any]) -> Path:
        path = self._state / "input" / f"{name}.json"
        known = known_files(self.workspace.state.seen())
        write_atomically(path, json.dumps({**wanted, "known": known}, indent=1))
        return path

    def _empty_folder(self) -> Path:
        folder = self._state / "empty"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @asynccontextmanager
    async def _locked(self, name: str, output: Output, what: str) -> AsyncIterator[None]:
        """Let one run at a time make what `name` names; the others find it ready."""

        def say(line: str) -> None:
            if output.on_line is not None:
                output.on_line(f"{WAITING}{line}")

        async with key_lock(lock_path(self._state, name), say=say, what=what):
            yield
