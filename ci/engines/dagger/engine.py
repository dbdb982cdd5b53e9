"""Dagger as an engine: images are containers of one session, and its cache is the store between sessions.

Nothing outlives the session by name, so a run finds its images again by asking for the same steps: what the
engine has in its cache takes a moment. Equal digests are not promised: two engines that build the same steps
give layers with other times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from ci.engines.capabilities import DAGGER, FIRST_CHOICE, Capabilities
from ci.engines.dagger.cache import CacheLimits
from ci.engines.dagger.containers import authorised, image_info, mounted
from ci.engines.dagger.errors import (
    NOT_STARTED,
    TIMED_OUT,
    TRACE,
    first_of,
    mapped_error,
    mapped_errors,
)
from ci.engines.dagger.fetcher import DaggerFetcher
from ci.engines.dagger.health import FRESH, INJECTED, cache_warning, fresh, injects_certificates
from ci.engines.dagger.sdk import last_lines, write_output
from ci.engines.engine import (
    BuildRequest,
    ContainerRun,
    Folder,
    ImageInfo,
    Output,
    SandboxedProgram,
)
from ci.engines.machine import CPUINFO, machine_class
from ci.engines.oci_archive import write_archive
from ci.engines.process.command import ROOT, Privilege, ProcessResult
from ci.errors import CommandError, DockwrightError, EngineError
from ci.lower.container import Inputs, lower
from ci.names.reference import parse_reference

if TYPE_CHECKING:
    import dagger

PYTHON = ("python3",)


@dataclass(slots=True, kw_only=True)
class DaggerEngine:
    """One session of a Dagger engine; see ci/engines/engine.py for the contract.

    `folder` returns a folder of this process's file system as the engine sees it. `archives` is where
    imported images are stored as OCI archives, so that a later session can import them again.
    """

    client: dagger.Client
    folder: Callable[[Path], dagger.Directory]
    archives: Path
    network_env: Mapping[str, str] = field(default_factory=dict)
    """Environment of programs that fetch from the network."""
    network_secrets: Mapping[str, str] = field(default_factory=dict)
    """Files of theirs that no one else may read: the text by the path in the container."""
    ca: dagger.File | None = None
    """Certificate authorities for programs that fetch from the network."""
    cache: CacheLimits | None = None
    """The limits of the engine's cache; None where this process may not ask for them, as in a module."""
    registry: dagger.Service | None = None
    """A registry whose address the engine itself can't reach, as a service."""
    limit_s: float | None = None
    """Most seconds that one build or one program may take."""
    _containers: dict[str, dagger.Container] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The engine's name."""
        return "dagger"

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return DAGGER

    @property
    def privilege(self) -> Privilege:
        """None: nothing of its store is a file of this machine."""
        return ROOT

    @property
    def store(self) -> None:
        """None: the store is the engine's own."""
        return None

    @property
    def input_fetcher(self) -> DaggerFetcher:
        """How it fetches build inputs: by programs in containers."""
        return DaggerFetcher(self)

    def for_run(self, marker: Path, scratch: Path) -> DaggerEngine:  # noqa: ARG002
        """Return this engine: all that it starts ends with its session."""
        return self

    async def remove_stale_containers(self, markers: Sequence[Path]) -> int:  # noqa: ARG002
        """Return 0: no container outlives its session."""
        return 0

    async def images(self) -> dict[str, str]:
        """Return the ids of all images of this session by name."""
        return dict(self._names)

    async def build(self, request: BuildRequest, output: Output) -> str:
        """Build an image by its steps and return its id in this session."""
        parent = self.container(request.parent)
        if not request.cache:
            parent = fresh(parent).without_env_variable(FRESH)
        inputs = Inputs(
            parent=parent,
            context=self.folder(request.context),
            folders={name: self._directory(folder) for name, folder in request.folders.items()},
        )
        container = lower(request.steps, inputs)
        for name, value in sorted(request.labels.items()):
            container = container.with_label(name, value)
        async with self._mapped(output):
            return self._added(await container.sync())

    async def run(self, image: str, run: ContainerRun, output: Output) -> str:
        """Run a program in a container of `image`, or return the output of an equal run from the cache."""
        container = self.container(image)
        for what, path, mode in run.mounts:
            if mode != "ro":
                raise EngineError(f"a folder of this machine can't be written into by Dagger: {what}")
            container = mounted(container, what, path, self.folder)
        for name, value in sorted(run.env.items()):
            container = container.with_env_variable(name, value)
        if run.user:
            container = container.with_user(run.user)
        async with self._mapped(output):
            text = await container.with_exec(list(run.argv)).stdout()
        write_output(output, text)
        return text

    async def attach(self, image: str, run: ContainerRun, *, terminal: bool) -> int:  # noqa: ARG002
        """Refuse: a session has no terminal to connect."""
        raise EngineError(
            "--engine dagger: this engine opens no shell",
            hint=f"use `--engine {FIRST_CHOICE}`, podman or docker",
        )

    async def machine_class(self) -> str:
        """Return the class of the engine's machine, as a container on it sees it."""
        return machine_class(await self._output_of("cat", str(CPUINFO)))

    async def _output_of(self, *argv: str, image: str = "", gpu: bool = False) -> str:
        """Return what a program prints now, in `image` or in any one of this session.

        Raises:
            CommandError: it ended with another status than 0, or could not be started.
        """
        anyone = next(iter(self._containers.values()), self.client.container())
        container = fresh(self.container(image) if image else anyone)
        container = container.experimental_with_all_gp_us() if gpu else container
        async with self._mapped(Output()):
            return await container.with_exec(list(argv)).stdout()

    async def gpu_error(self, image: str) -> str:
        """Return why the engine gives no GPU, empty where it does: one is requested to find out."""
        try:
            await self._output_of("true", image=image, gpu=True)
        except CommandError as error:
            return TRACE.sub("", error.tail).strip() or "the engine gives none"
        return ""

    async def warnings(self, image: str) -> tuple[str, ...]:
        """Return what is wrong: certificates that stay in layers, a disk with no space for the cache."""
        found: list[str] = []
        try:
            async with self._mapped(Output()):
                if await injects_certificates(self.container(image)):
                    found.append(INJECTED)
                if crowded := await cache_warning(self.client, self.container(image), self.cache):
                    found.append(crowded)
        except (DockwrightError, ValueError, IndexError) as error:  # a warning must not fail a run
            found.append(f"certificates and disk of the engine could not be checked: {error}")
        return tuple(found)

    async def run_sandboxed(self, image: str, program: SandboxedProgram, output: Output) -> ProcessResult:
        """Run a program in a container of `image`, also where the engine's cache has its result.

        Results that may be used again are in the ledger; checks of security are done each time.
        """
        container = self.container(image)
        for what, path, _ in program.mounts:
            container = mounted(container, what, path, self.folder)
        container = fresh(container)
        if program.gpu:
            container = container.experimental_with_all_gp_us()
        import dagger

        try:
            with anyio.fail_after(program.limit_s):
                text = await container.with_exec(list(program.argv)).stdout()
        except dagger.ExecError as error:
            write_output(output, f"{error.stdout}\n{error.stderr}")
            return ProcessResult(output=error.stdout, status=error.exit_code, tail=last_lines(error.stderr))
        except TimeoutError:
            reason = f"still running after {program.limit_s:g} s, so it was ended"
            return ProcessResult(output="", status=TIMED_OUT, termination_reason=reason)
        except dagger.QueryError as error:
            # an engine's answer where there is no such program, or it can't be executed
            write_output(output, str(error))
            return ProcessResult(output="", status=NOT_STARTED, tail=last_lines(str(error)))
        except Exception as error:
            raise mapped_error(first_of(error), output, self.limit_s) from error
        write_output(output, text)
        return ProcessResult(output=text, status=0)

    async def fetch(self, reference: str, output: Output, authfile: str = "") -> str:
        """Fetch an image by digest and return its id in this session."""
        container = authorised(self.client, self.client.container(), reference, authfile)
        container = container.from_(reference, registry_service=self.registry)
        async with self._mapped(output):
            return self._added(await container.sync())

    async def push(self, image: str, reference: str, output: Output, authfile: str = "") -> str:
        """Publish an image of this session with layers in zstd and return the digest of its manifest."""
        from dagger import ImageLayerCompression, ImageMediaTypes

        container = authorised(self.client, self.container(image), reference, authfile)
        async with self._mapped(output):
            published = await container.publish(
                reference,
                forced_compression=ImageLayerCompression.Zstd,
                media_types=ImageMediaTypes.OCIMediaTypes,
                registry_service=self.registry,
            )
        return str(parse_reference(published).digest or "")

    async def import_root(self, archive: Path, name: str, env: Mapping[str, str], output: Output) -> None:
        """Make the image `name` from a tar of a root file system, and archive it for later sessions."""
        await anyio.to_thread.run_sync(write_archive, archive, self.archive_of(name), env, PYTHON)
        await self.input_fetcher.import_archived(name, output)

    async def import_archive(self, archive: dagger.File, name: str, output: Output) -> None:
        """Make the image `name` from an OCI archive."""
        async with self._mapped(output):
            container = await self.client.container().import_(archive).sync()
        await self.tag(self._added(container), name)

    async def inspect(self, image: str) -> ImageInfo:
        """Return the config of an image; its bytes are not known by layer."""
        async with self._mapped(Output()):
            return await image_info(self.container(image))

    async def tag(self, image: str, *names: str) -> None:
        """Give an image more names."""
        for name in names:
            self._names[name] = self._names.get(image, image)

    async def untag(self, reference: str) -> None:
        """Forget a name; there may be none, since what was fetched gets none by that."""
        self._names.pop(reference, None)

    def container(self, image: str) -> dagger.Container:
        """Return the container of an image, by name or id."""
        return self._containers[self._names.get(image, image)]

    async def made(self, container: dagger.Container, path: str, output: Output) -> dagger.Directory:
        """Return the folder `path` of a container, once everything that makes it has run."""
        async with self._mapped(output):
            return await container.directory(path).sync()

    def _added(self, container: dagger.Container) -> str:
        id_ = f"dagger-{len(self._containers) + 1}"
        self._containers[id_] = container
        return id_

    def archive_of(self, name: str) -> Path:
        """Return where the image `name` is archived."""
        return self.archives / f"{name.replace('/', '-').replace(':', '-')}.tar"

    def _directory(self, folder: Folder) -> dagger.Directory:
        return self.folder(folder) if isinstance(folder, Path) else folder

    def _mapped(self, output: Output) -> AbstractAsyncContextManager[None]:
        return mapped_errors(output, self.limit_s)
