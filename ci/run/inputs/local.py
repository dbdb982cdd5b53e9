"""Build inputs in folders of this machine, fetched by hash before any image is built."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from ci.bounded.file import read_file
from ci.catalog.stack import ImageVariant
from ci.engines.engine import BuildRequest, ContainerRun, Engine, File, Folder, Output
from ci.engines.network import network_env, network_mounts, network_secrets
from ci.errors import BuildError, CommandError, DockwrightError, FetchError
from ci.lower.digest_args import DEBS_ARG, UV_ARG, wheels_arg
from ci.plan.recipes import apt_list, wheel_lists
from ci.plan.references import debhouse_reference, digest_reference, wheelhouse_reference
from ci.redaction import redacted
from ci.run.inputs.bootstrap import fetch_command, make_bootstrap
from ci.run.inputs.builder import BuilderImage, builder_image
from ci.run.inputs.compile_run import Job, compile_run, jobs_of
from ci.run.inputs.compiled import to_compile
from ci.run.inputs.fetch_failure import (
    PROGRAM_FOLDER,
    PYTHON_ENV,
    TARGET,
    UNREPORTED,
    failure_of,
    parse_report,
)
from ci.run.inputs.folder_check import check_folder
from ci.run.inputs.hash_threads import in_hash_thread
from ci.run.inputs.messages import log_only, messages_only
from ci.run.inputs.snapshot import view_of
from ci.run.workspace.base_kind import root_image
from ci.run.workspace.file_lock import key_lock, lock_path
from ci.run.workspace.run_directory import PRIVATE
from ci.run.workspace.workspace import Workspace
from ci.steps.layout import ROOT
from ci.wheelhouse.input_document import Mirrors, bootstrap_input, debhouse_input, wheelhouse_input
from ci.wheelhouse.manifest import Manifest, known_files, verify
from ci.wheelhouse.program.atomic_write import write_atomically


@dataclass(slots=True)
class LocalInputs:
    """The package folders of one workspace. `bundle` is an exported folder that replaces them."""

    workspace: Workspace
    engine: Engine
    bundle: Path | None = None
    present: Collection[str] = ()
    """Names of the images that the store had when the plan was made."""
    fetched_root: str = ""
    """Name of a root image from a registry; files are fetched in its container, so no base is needed."""
    needed: Collection[str] | None = None
    """`image:variant` of what is built; None: all images. A folder filled for all images is used too."""
    manifests: dict[str, Manifest] = field(default_factory=dict)
    views: dict[str, Path] = field(default_factory=dict)
    """This run's own views of the folders that are ready."""

    @property
    def _state(self) -> Path:
        return self.workspace.state.root

    def folder(self, name: str) -> Path:
        """Return the folder of `bootstrap`, `debhouse` or `wheelhouse/VARIANT`."""
        return (self.bundle or self.workspace.state.inputs) / name

    def view(self, name: str) -> Path:
        """Return the folder that images are built from; once it is ready, no other run changes it."""
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

    def _external_base(self) -> str:
        """Return `repository@digest` of the external image that root images start from."""
        stack = self.workspace.stack
        parent = next(image.parent for image in stack.images if image.is_root)
        return digest_reference(stack, parent)

    async def ready(self, name: str, document: dict[str, Any]) -> Manifest | None:
        """Return the manifest of the folder `name` if it matches its input `document`, every file by hash.

        Raises:
            FetchError: an exported bundle does not match the locks of this checkout.
        """
        folder = self.folder(name)
        try:
            check = partial(check_folder, folder, document, self.workspace.state)
            manifest, errors = await in_hash_thread(check)
        except FetchError:
            if self.bundle is not None:
                raise
            return None
        if errors and self.bundle is not None:
            raise FetchError(
                f"{folder}: {'; '.join(errors[:3])}",
                hint="export it again with `dockwright wheelhouse --export`",
            )
        if errors:
            return None
        self.manifests[name] = manifest
        if self.workspace.run and self.bundle is None:
            view = self.workspace.scratch / "inputs" / name
            self.views[name] = await anyio.to_thread.run_sync(view_of, folder, view)
        return manifest

    async def _any_ready(self, name: str, documents: Iterable[dict[str, Any]]) -> bool:
        for document in documents:
            if await self.ready(name, document) is not None:
                return True
        return False

    async def base(self, output: Output) -> bool:
        """Add the image that root images start from to the store; return whether it was missing.

        Raises:
            FetchError: the registry, or Debian's archive, does not provide it.
        """
        name = self.root_image()
        if name in self.present or name in await self.engine.images():
            return False
        async with self._locked("base", output, "makes the base"):
            if name in await self.engine.images():
                return False
            if self.workspace.base.kind == "registry":
                try:
                    await self.engine.tag(
                        await self.engine.fetch(self._external_base(), log_only(output)), name
                    )
                except CommandError as error:
                    raise FetchError(
                        f"{self._external_base()} could not be fetched\n{error.tail}",
                        hint="`--base bootstrap` needs no registry",
                    ) from error
                return True
            await self.fetch_bootstrap(output)
            debs = self.view("bootstrap") / "debs"
            await make_bootstrap(self.workspace, self.engine, debs, name, log_only(output))
        return True

    async def fetch_bootstrap(self, output: Output) -> None:
        """Fetch the packages of the bootstrap base on this machine, since there is no container yet."""
        document = bootstrap_input(self.workspace.stack, self.mirrors)
        async with self._locked("bootstrap", output, "fetches the base's packages"):
            if await self.ready("bootstrap", document) is not None:
                return
            path = self._write_document("bootstrap", document)
            command = fetch_command(path, self.workspace.state.inputs, "bootstrap")
            command = replace(command, env=tuple(self.retry_env().items()))
            try:
                shown = messages_only(output)
                await self.workspace.runner.run(command, log=shown.log, on_line=shown.on_line)
            except CommandError as error:
                raise self._failure("bootstrap", self._report("bootstrap"), error, output) from error
            await self._check_filled("bootstrap", document)

    async def debhouse(self, output: Output) -> bool:
        """Fill the debhouse in a container with apt's tools; return whether there was work to do."""
        stack, mirrors = self.workspace.stack, self.mirrors
        choices = [debhouse_input(stack, mirrors)]
        if self._partial:
            compiles = await self._compiles()
            choices.append(debhouse_input(stack, mirrors, self.needed, builder=compiles))
        async with self._locked("debhouse", output, "fills the debhouse"):
            if await self._any_ready("debhouse", choices):
                return False
            await self._in_container("debhouse", self.fetching_image, "fetch_debs.py", choices[-1], output)
            await self._check_filled("debhouse", choices[-1])
        return True

    async def wheelhouse(self, variant: str, output: Output) -> bool:
        """Fill a variant's wheelhouse in the builder's container; return whether there was work to do."""
        stack = self.workspace.stack
        name = f"wheelhouse/{variant}"
        kind = self.workspace.base.kind
        choices = [wheelhouse_input(stack, variant, kind)]
        if self._partial:
            choices.append(wheelhouse_input(stack, variant, kind, self.needed))
        async with self._locked(name, output, f"fills {name}"):
            if await self._any_ready(name, choices):
                return False
            document = choices[-1]
            await self._in_container(name, self.fetching_image, "fetch_wheels.py", document, output)
            work = self._work(name)
            jobs = await anyio.to_thread.run_sync(jobs_of, work)
            if jobs:
                await self._compile(jobs, work, output)
                await self._in_container(name, self.fetching_image, "fill_wheels.py", document, output)
            await self._check_filled(name, document)
        return True

    def _work(self, name: str) -> Path:
        """Return the folder of what is compiled for the wheelhouse `name`."""
        return self.workspace.state.inputs / "partial" / f"{name.replace('/', '-')}.builder"

    async def _compile(self, jobs: Sequence[Job], work: Path, output: Output) -> None:
        """Compile sdists, each in a container of its own; see ci/wheelhouse/program/compile_sdist.py."""
        builder = await self._builder(output)
        limiter = anyio.CapacityLimiter(self.workspace.capacity)

        async def compile_one(job: Job) -> None:
            async with limiter:
                run = compile_run(job, work, PROGRAM_FOLDER)
                try:
                    await self.engine.run(builder, run, messages_only(output))
                except CommandError as error:
                    report = work / "made" / job.key / "partial" / f"{job.file}.failure"
                    raise self._failure(job.file, report, error, output) from error

        async with anyio.create_task_group() as group:
            for job in jobs:
                group.start_soon(compile_one, job)

    @property
    def _partial(self) -> bool:
        """Whether folders are filled for the needed images only; a folder for all images is used as well."""
        return self.needed is not None and self.bundle is None

    async def _compiles(self) -> bool:
        """Whether a needed wheel has to be compiled."""
        return await in_hash_thread(partial(to_compile, self.workspace, self.needed))

    def builder_image(self) -> BuilderImage:
        """Return the image that compiles sdists; the debhouse has to be ready."""
        return builder_image(self.workspace.stack, self.root_image(), self.manifests["debhouse"])

    async def _builder(self, output: Output) -> str:
        """Return the name of the image that compiles sdists; it is built offline if the store lacks it."""
        image = self.builder_image()
        async with self._locked("builder", output, "builds the image that compiles sdists"):
            if image.name not in await self.engine.images():
                request = BuildRequest(
                    instructions=image.instructions,
                    context=self.empty_folder(),
                    parent=self.root_image(),
                    build_args={DEBS_ARG: image.packages},
                    folders={debhouse_reference(self.workspace.stack): self.view("debhouse")},
                )
                await self.engine.tag(await self.engine.build(request, log_only(output)), image.name)
        return image.name

    async def changed_files(self, image: ImageVariant) -> tuple[str, ...]:
        """Return which files of `image` were changed after they were fetched, a sentence each."""
        used = [(self.manifests.get(f"wheelhouse/{image.variant}"), name) for name in wheel_lists(image)]
        used += [(self.manifests.get("debhouse"), apt_list(image.apt, image.apt_lock))] if image.apt else []
        parts = [manifest.only(name) for manifest, name in used if manifest is not None]
        checks = [partial(verify, part, {}) for part in parts]
        errors = [error for check in checks for error in await in_hash_thread(check)]
        if errors:
            self.workspace.state.forget_hashes()
        return tuple(errors)

    def folders(self, image: ImageVariant) -> dict[str, Folder]:
        """Return the folder behind each reference that the instructions of `image` mount."""
        stack = self.workspace.stack
        found: dict[str, Folder] = {}
        if image.needs_wheelhouse:
            wheelhouse = f"wheelhouse/{image.variant}"
            found[wheelhouse_reference(stack, image.variant)] = self.view(wheelhouse)
        if image.apt:
            found[debhouse_reference(stack)] = self.view("debhouse")
        return found

    def parts(self, image: ImageVariant) -> dict[str, str]:
        """Return the digest of the files that `image` uses of each folder, by the build argument for it."""
        args = {}
        if image.needs_wheelhouse:
            wheelhouse = self.manifests[f"wheelhouse/{image.variant}"]
            args = {wheels_arg(name): wheelhouse.part(name) for name in wheel_lists(image)}
            args[UV_ARG] = wheelhouse.files["uv"]
        if image.apt:
            args[DEBS_ARG] = self.manifests["debhouse"].part(apt_list(image.apt, image.apt_lock))
        return args

    def uv(self, image: ImageVariant) -> File | None:
        """Return uv, None where the image's wheelhouse has none."""
        uv = self.view(f"wheelhouse/{image.variant}") / "uv"
        return uv if uv.is_file() else None

    async def _in_container(
        self, name: str, image: str, program: str, document: dict[str, Any], output: Output
    ) -> None:
        """Run a program of the wheelhouse in a container; one that fetches has access to the network."""
        inputs = self.workspace.state.inputs
        inputs.mkdir(parents=True, exist_ok=True)
        path = self._write_document(name.replace("/", "-"), document)
        network = program.startswith("fetch_")
        mounts = [
            (path.parent, f"{TARGET}/documents", "ro"),
            (PROGRAM_FOLDER, f"{TARGET}/program", "ro"),
            # one mount for all of them: a hard link from one mount to another is refused
            (inputs, f"{TARGET}/inputs", "rw"),
            *(network_mounts(os.environ) if network else ()),
        ]
        argv = ["python3", "-I", f"{TARGET}/program/{program}", f"{TARGET}/documents/{path.name}"]
        argv += [f"{TARGET}/inputs", name]
        env = {**PYTHON_ENV, **self.retry_env(), **(network_env(os.environ) if network else {})}
        secrets = network_secrets(os.environ) if network else {}
        try:
            run = ContainerRun(argv=argv, mounts=mounts, env=env, user=ROOT, network=network, secrets=secrets)
            await self.engine.run(image, run, messages_only(output))
        except CommandError as error:
            raise self._failure(name, self._report(name), error, output) from error

    def _report(self, name: str) -> Path:
        """Return the file in which the program that fills `name` reports a failure."""
        return self.workspace.state.inputs / "partial" / f"{name.replace('/', '-')}.failure"

    def _failure(self, name: str, path: Path, error: CommandError, output: Output) -> DockwrightError:
        """Return the error of the program for `name`, which it reports in the file `path`."""
        inputs = self.workspace.state.inputs
        try:
            report = parse_report(read_file(path))
            path.unlink()
        except OSError:
            report = UNREPORTED
        text = report.text.replace(f"{TARGET}/inputs", str(inputs))
        return failure_of(name, report.model_copy(update={"text": text}), error, output)

    def retry_env(self) -> dict[str, str]:
        """Return the environment variable that says how long a fetching program waits for a server."""
        return {"DOCKWRIGHT_FETCH_TIMEOUT_S": f"{self.workspace.settings.fetch_timeout_s:g}"}

    async def _check_filled(self, name: str, document: dict[str, Any]) -> None:
        if await self.ready(name, document) is None:
            raise BuildError(f"{self.folder(name)}: was filled, but does not match the locks")

    def _write_document(self, name: str, document: dict[str, Any]) -> Path:
        path = self._state / "input-documents" / f"{name}.json"
        known = known_files(self.workspace.state.hashes())
        text = json.dumps({**document, "known": known}, indent=1)
        # the URL of a mirror may have a password
        write_atomically(path, text, PRIVATE if redacted(text) != text else None)
        return path

    def empty_folder(self) -> Path:
        """Return a folder of the state directory that has nothing in it."""
        folder = self._state / "empty"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @asynccontextmanager
    async def _locked(self, name: str, output: Output, what: str) -> AsyncIterator[None]:
        """Let one run at a time make the input `name`; the others find it ready."""

        def say(line: str) -> None:
            if output.on_line is not None:
                output.on_line(line)

        async with key_lock(lock_path(self._state, name), say=say, what=what):
            yield
