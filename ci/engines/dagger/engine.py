"""Dagger as an engine: images are containers of one session, and its cache is the store between sessions.

Nothing outlives the session by name, so a run finds its images again by asking for the same steps: what the
engine has in its cache takes a moment. Equal digests are not promised: two engines that build the same steps
give layers with other times.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from ci.engines.dagger.cache import CacheLimits
from ci.engines.dagger.sdk import first_of, last_lines, pairs_of, write_output
from ci.engines.engine import BuildRequest, File, Folder, ImageInfo, Mounts, Output, SandboxedProgram
from ci.engines.machine import CPUINFO, machine_class
from ci.engines.oci_archive import write_archive
from ci.engines.process.command import ProcessResult
from ci.engines.store_state import StoreState
from ci.errors import CommandError, EngineError
from ci.lower.container import Inputs, lower
from ci.names.reference import parse_reference

if TYPE_CHECKING:
    import dagger

ROOT_USER = "0:0"
MEASURE = ("du", "-sxb", "/")
"""Prints the bytes of all files of the root file system; mounts are left out."""
FREE = ("df", "--output=avail", "--block-size=1", "/")
"""Prints what is free on the disk that the engine keeps its cache on, below a header."""
PYTHON = ("python3",)
FRESH = "DOCKWRIGHT_FRESH"
"""A variable that no step reads, set where a result of the cache must not do."""
CERTIFICATES = "etc/ssl/certs/*"
CLOSES = "the image's user, in a container of the engine that has a network and can be written to"
TRACE = re.compile(r"\s*\[traceparent:[^]]*\]")
"""What Dagger puts behind an error; it says nothing to a reader."""
TIMED_OUT, NOT_STARTED = 124, 127
"""The statuses that timeout(1) and sh(1) give."""


@dataclass(slots=True, kw_only=True)
class DaggerEngine:
    """One session of a Dagger engine; see ci/engines/engine.py for the contract.

    `folder` gives a folder of this process's file system as the engine sees it. `archives` is where what is
    imported is kept as OCI archives, so that a later session imports it again.
    """

    client: dagger.Client
    folder: Callable[[Path], dagger.Directory]
    archives: Path
    network_env: Mapping[str, str] = field(default_factory=dict)
    """Environment of what is fetched from outside."""
    ca: dagger.File | None = None
    """Certificate authorities for what is fetched from outside."""
    cache: CacheLimits | None = None
    """What the engine keeps of its cache; None where this process may not ask, as in a module."""
    registry: dagger.Service | None = None
    """What stands behind the address of a registry that the engine itself does not reach."""
    limit_s: float | None = None
    """Most seconds that one build or one program may take."""
    _containers: dict[str, dagger.Container] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The engine's name."""
        return "dagger"

    def for_run(self, mark: Path, scratch: Path) -> DaggerEngine:  # noqa: ARG002 what runs ends with the session
        """Return this engine: what it starts ends with its session."""
        return self

    async def remove_stale_containers(self, marks: Sequence[Path]) -> int:  # noqa: ARG002
        """Return 0: a session leaves nothing running."""
        return 0

    async def images(self) -> dict[str, str]:
        """Return the ids of all images of this session by name."""
        return dict(self._names)

    async def look(self, ids: Sequence[str]) -> StoreState | None:  # noqa: ARG002
        """Return nothing: the store is the engine's own."""
        return None

    async def remove_damaged(self, images: Sequence[str]) -> None:
        """Forget images by id."""
        for name in [name for name, id_ in self._names.items() if id_ in images]:
            del self._names[name]

    async def build(self, request: BuildRequest, output: Output) -> str:
        """Build an image by its steps and return its id in this session."""
        parent = self.container(request.parent)
        if not request.cache:
            parent = parent.with_env_variable(FRESH, uuid.uuid4().hex).without_env_variable(FRESH)
        inputs = Inputs(
            parent=parent,
            context=self.folder(request.context),
            folders={name: self._directory(folder) for name, folder in request.folders.items()},
        )
        container = lower(self.client, request.steps, inputs)
        for name, value in sorted(request.labels.items()):
            container = container.with_label(name, value)
        async with self._mapped(output):
            return self._kept(await container.sync())

    async def run(
        self,
        image: str,
        argv: Sequence[str],
        *,
        mounts: Mounts = (),
        env: Mapping[str, str] | None = None,
        user: str = "",
        network: bool = False,  # noqa: ARG002 an engine has no switch for it
        output: Output,
    ) -> str:
        """Run `argv` in a container of `image`; a result that the cache has is one."""
        container = self.container(image)
        for what, path, mode in mounts:
            if mode != "ro":
                raise EngineError(f"a folder of this machine can't be written into by Dagger: {what}")
            container = self._mounted(container, what, path)
        for name, value in sorted((env or {}).items()):
            container = container.with_env_variable(name, value)
        if user:
            container = container.with_user(user)
        async with self._mapped(output):
            text = await container.with_exec(list(argv)).stdout()
        write_output(output, text)
        return text

    @property
    def closes(self) -> str:
        """What a checked program can't reach: an engine has no switch for the root and the network."""
        return CLOSES

    async def machine(self) -> str:
        """Return the class of the engine's machine, which a container on it sees."""
        return machine_class(await self._asked("cat", str(CPUINFO)))

    async def _asked(self, *argv: str, image: str = "", gpu: bool = False) -> str:
        """Return what a program prints now, in `image` or whichever one of this session.

        Raises:
            CommandError: it ended with another status than 0, or could not be started.
        """
        anyone = next(iter(self._containers.values()), self.client.container())
        container = self.container(image) if image else anyone
        container = container.with_env_variable(FRESH, uuid.uuid4().hex)
        container = container.experimental_with_all_gp_us() if gpu else container
        async with self._mapped(Output()):
            return await container.with_exec(list(argv)).stdout()

    async def no_gpu(self, image: str) -> str:
        """Return why the engine gives no GPU, empty where it does: that is found out by asking for one."""
        try:
            await self._asked("true", image=image, gpu=True)
        except CommandError as error:
            return TRACE.sub("", error.tail).strip() or "the engine gives none"
        return ""

    async def check(self, image: str, closed: SandboxedProgram, output: Output) -> ProcessResult:
        """Run a program in a container of `image`, whatever the engine's cache has of it.

        What passed before is the ledger's to say, and what concerns security is looked at each time.
        """
        container = self.container(image)
        for what, path, _ in closed.mounts:
            container = self._mounted(container, what, path)
        container = container.with_env_variable(FRESH, uuid.uuid4().hex)
        if closed.gpu:
            container = container.experimental_with_all_gp_us()
        import dagger

        try:
            with anyio.fail_after(closed.limit_s):
                text = await container.with_exec(list(closed.argv)).stdout()
        except dagger.ExecError as error:
            write_output(output, f"{error.stdout}\n{error.stderr}")
            return ProcessResult(output=error.stdout, status=error.exit_code, tail=last_lines(error.stderr))
        except TimeoutError:
            why = f"still running after {closed.limit_s:g} s, so it was ended"
            return ProcessResult(output="", status=TIMED_OUT, why=why)
        except dagger.QueryError as error:
            # how an engine says that there is no such program, or that it can't be executed
            write_output(output, str(error))
            return ProcessResult(output="", status=NOT_STARTED, tail=last_lines(str(error)))
        except Exception as error:
            raise self._ours(first_of(error), output) from error
        write_output(output, text)
        return ProcessResult(output=text, status=0)

    async def fetch(self, reference: str, output: Output, authfile: str = "") -> str:
        """Fetch an image by digest and return its id in this session."""
        container = self._authorised(self.client.container(), reference, authfile)
        container = container.from_(reference, registry_service=self.registry)
        async with self._mapped(output):
            return self._kept(await container.sync())

    async def push(self, image: str, reference: str, output: Output, authfile: str = "") -> str:
        """Publish an image of this session with layers in zstd and return the digest of its manifest."""
        from dagger import ImageLayerCompression, ImageMediaTypes

        container = self._authorised(self.container(image), reference, authfile)
        async with self._mapped(output):
            published = await container.publish(
                reference,
                forced_compression=ImageLayerCompression.Zstd,
                media_types=ImageMediaTypes.OCIMediaTypes,
                registry_service=self.registry,
            )
        return str(parse_reference(published).digest or "")

    async def import_root(self, archive: Path, name: str, env: Mapping[str, str], output: Output) -> None:
        """Make the image `name` of a tar of a root file system, and keep it for later sessions."""
        await anyio.to_thread.run_sync(write_archive, archive, self._archive(name), env, PYTHON)
        await self.import_kept(name, output)

    async def import_kept(self, name: str, output: Output) -> bool:
        """Import the image `name` where an earlier session kept it; return whether it did."""
        path = self._archive(name)
        if not path.is_file():
            return False
        await self.import_archive(self.folder(path.parent).file(path.name), name, output)
        return True

    async def import_archive(self, archive: dagger.File, name: str, output: Output) -> None:
        """Make the image `name` of an OCI archive."""
        async with self._mapped(output):
            container = await self.client.container().import_(archive).sync()
        await self.tag(self._kept(container), name)

    async def inspect(self, image: str) -> ImageInfo:
        """Return what an image is; layers are not told, so all bytes stand as one without a digest."""
        container = self.container(image)
        inner: dict[str, Any] = {}

        async def variables() -> None:
            pairs = await pairs_of(await container.env_variables())
            inner["Env"] = [f"{name}={value}" for name, value in pairs]

        async def labels() -> None:
            inner["Labels"] = dict(await pairs_of(await container.labels()))

        async def words() -> None:
            inner["User"] = await container.user()
            inner["WorkingDir"] = await container.workdir()
            inner["Entrypoint"] = await container.entrypoint()
            inner["Cmd"] = await container.default_args()

        async def measure() -> None:
            text = await container.with_user(ROOT_USER).with_exec(list(MEASURE)).stdout()
            sizes.append(int(text.split()[0]))

        sizes: list[int] = []
        async with self._mapped(Output()), anyio.create_task_group() as group:
            for ask in (variables, labels, words, measure):
                group.start_soon(ask)
        return ImageInfo(id="", config={"config": inner}, layers=(("", sizes[0]),), tells_layers=False)

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

    async def injects(self, image: str) -> bool:
        """Whether running anything in an image leaves links to certificate authorities in it.

        Dagger does so where its own folder of them is not empty, and they stay in the layer.
        """
        container = self.container(image)
        async with self._mapped(Output()):
            before = await container.rootfs().glob(CERTIFICATES)
            after = await container.with_user(ROOT_USER).with_exec(["true"]).rootfs().glob(CERTIFICATES)
        return set(before) != set(after)

    async def crowded(self, image: str) -> str:
        """Return why the engine's disk leaves it too little of a cache; empty where it does not.

        `image` is any that has df.
        """
        if self.cache is None or self.cache.min_free_bytes == 0:
            return ""
        container = self.container(image).with_env_variable(FRESH, uuid.uuid4().hex).with_user(ROOT_USER)
        async with self._mapped(Output()):
            free_bytes = int((await container.with_exec(list(FREE)).stdout()).split()[-1])
            if free_bytes >= self.cache.min_free_bytes:
                return ""
            used_bytes = await self.client.engine().local_cache().entry_set().disk_space_bytes()
        return self.cache.crowded(free_bytes=free_bytes, used_bytes=used_bytes)

    async def made(self, container: dagger.Container, path: str, output: Output) -> dagger.Directory:
        """Return the folder `path` of a container, once all that it takes has run."""
        async with self._mapped(output):
            return await container.directory(path).sync()

    def _kept(self, container: dagger.Container) -> str:
        id_ = f"dagger-{len(self._containers) + 1}"
        self._containers[id_] = container
        return id_

    def _archive(self, name: str) -> Path:
        return self.archives / f"{name.replace('/', '-').replace(':', '-')}.tar"

    def _directory(self, folder: Folder) -> dagger.Directory:
        return self.folder(folder) if isinstance(folder, Path) else folder

    def _mounted(self, container: dagger.Container, what: Folder | File, path: str) -> dagger.Container:
        import dagger

        if isinstance(what, Path):
            what = self.folder(what) if what.is_dir() else self.folder(what.parent).file(what.name)
        if isinstance(what, dagger.File):
            return container.with_mounted_file(path, what)
        return container.with_mounted_directory(path, what, read_only=True)

    def _authorised(self, container: dagger.Container, reference: str, authfile: str) -> dagger.Container:
        """Return `container` with the credentials that `authfile` has for the registry of `reference`."""
        if not authfile:
            return container
        host = parse_reference(reference).host
        auths: dict[str, dict[str, str]] = json.loads(Path(authfile).read_text())["auths"]
        user, _, password = base64.b64decode(auths[host]["auth"]).decode().partition(":")
        secret = self.client.set_secret(f"registry-{host}", password)
        return container.with_registry_auth(host, user, secret)

    @asynccontextmanager
    async def _mapped(self, output: Output) -> AsyncIterator[None]:
        """Map the errors of the SDK to ours; what a failed program wrote goes to the log."""
        try:
            with anyio.fail_after(self.limit_s):
                yield
        except Exception as error:
            first = first_of(error)
            ours = self._ours(first, output)
            if ours is first:
                raise
            raise ours from first

    def _ours(self, error: Exception, output: Output) -> Exception:
        import dagger

        match error:
            case dagger.ExecError():
                text = "\n".join(part for part in (error.stdout, error.stderr) if part)
                write_output(output, text)
                return CommandError(tuple(error.command), error.exit_code, last_lines(text))
            case dagger.QueryError():
                write_output(output, str(error))
                return CommandError(("dagger",), 1, last_lines(str(error)))
            case dagger.DaggerError() | OSError():
                return EngineError(f"the Dagger engine does not answer any more ({error}); start it again")
            case TimeoutError():
                return CommandError(("dagger",), TIMED_OUT, f"ended after {self.limit_s:g} s, the limit")
            case _:
                return error
