"""What a run needs of an engine. One implementation per file; Only Buildah promises equal digests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ci.engines.store_state import StoreState
from ci.steps.step import Step

if TYPE_CHECKING:
    import dagger  # for its types alone: importing it takes half a second
from ci.engines.process.command import ProcessResult

Folder: TypeAlias = "Path | dagger.Directory"
"""A folder of this machine, or one that only the engine has."""

File: TypeAlias = "Path | dagger.File"
"""A file of this machine, or one that only the engine has."""

Mounts: TypeAlias = "Sequence[tuple[Path | dagger.Directory | dagger.File, str, str]]"
"""(what, path in the container, `ro` or `rw`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where the output of a child process goes.

    `on_cpu` is told the seconds of the processor in user mode that building an image took, by an engine that
    can tell.
    """

    log: Path | None = None
    on_line: Callable[[str], None] | None = None
    on_cpu: Callable[[float], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """One image to build from its lowered recipe, offline.

    Attributes:
        instructions: text of the Dockerfile.
        steps: what the instructions were rendered of, for an engine that takes no Dockerfile.
        context: the image's own folder.
        parent: name of the local image that it starts from.
        build_args: digests of what the instructions mount.
        folders: the folder that stands behind each reference that the instructions mount.
        labels: labels beside those of the recipe.
        cache: whether layers of earlier builds are used.
    """

    instructions: str
    steps: tuple[Step, ...] = ()
    context: Path
    parent: str
    build_args: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, Folder] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    cache: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxedProgram:
    """A program that is run in an image to look at it, closed in: see `Engine.check`.

    Attributes:
        argv: what is run, instead of the image's entrypoint.
        config: the image's OCI config, as `inspect` gives it.
        mounts: what else it sees, read-only.
        limit_s: most seconds that it may take.
        limit_bytes: most bytes that it may write to its outputs.
        gpu: whether it gets the GPUs of the machine that it runs on.
    """

    argv: tuple[str, ...]
    config: Mapping[str, Any]
    mounts: Mounts = ()
    limit_s: float
    limit_bytes: int = 64 * 2**20
    gpu: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """A local image: its OCI config, and its layers as (digest, bytes unpacked) from the lowest up.

    Where an engine does not tell the layers, all bytes stand at the last one. `id` is the digest of the
    config, empty where an engine knows it only once it has pushed the image.
    """

    id: str
    config: dict[str, Any]
    layers: tuple[tuple[str, int], ...]
    tells_layers: bool = True


class Engine(Protocol):
    """Builds, runs and names local images. Names are `namespace/image:tag`, without a registry."""

    @property
    def name(self) -> str:
        """`buildah`, `docker` or `podman`."""
        ...

    def for_run(self, mark: Path, scratch: Path) -> Engine:
        """Return this engine for one run: what it starts bears the mark, and writes temporary files there."""
        ...

    async def remove_stale_containers(self, marks: Sequence[Path]) -> int:
        """Remove the working containers that bear one of `marks` and return how many they were."""
        ...

    async def images(self) -> dict[str, str]:
        """Return the ids of all local images by name."""
        ...

    async def look(self, ids: Sequence[str]) -> StoreState | None:
        """Return whether the store is whole, with the marks of layers, by their or their images' ids.

        None where that can't be seen.
        """
        ...

    async def remove_damaged(self, images: Sequence[str]) -> None:
        """Remove images by id, with their names."""
        ...

    async def build(self, request: BuildRequest, output: Output) -> str:
        """Build an image and return its id; it has no name yet. Raises CommandError."""
        ...

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
        """Run `argv` in a new container of `image` and return its standard output; the container goes.

        Raises:
            CommandError: it ended with a non-zero status.
        """
        ...

    @property
    def closes(self) -> str:
        """What of an image and its machine a checked program can't reach, in words."""
        ...

    async def machine(self) -> str:
        """Return the class of the machine that `check` runs on, see ci/engines/machine.py."""
        ...

    async def no_gpu(self, image: str) -> str:
        """Return why `check` has no GPU to give, empty where it has one; `image` is any that is there."""
        ...

    async def check(self, image: str, closed: SandboxedProgram, output: Output) -> ProcessResult:
        """Run a program in `image` as the image's user, closed in as `closes` says, and return how it ended.

        Raises:
            EngineError: it could not be tried.
        """
        ...

    async def fetch(self, reference: str, output: Output, authfile: str = "") -> str:
        """Fetch `repository@digest` from its registry and return its id; it has no name of ours yet.

        `authfile` holds credentials, see containers-auth.json(5); empty: those that the engine finds itself.

        Raises:
            CommandError: the registry does not give it.
        """
        ...

    async def push(self, image: str, reference: str, output: Output, authfile: str = "") -> str:
        """Push an image by id to `repository:tag`, its layers as zstd, and return its manifest's digest.

        Raises:
            CommandError: the registry does not take it.
            EngineError: this engine does not push.
        """
        ...

    async def import_root(self, archive: Path, name: str, env: Mapping[str, str], output: Output) -> None:
        """Make the local image `name` of a tar of a root file system."""
        ...

    async def inspect(self, image: str) -> ImageInfo:
        """Return what a local image is."""
        ...

    async def tag(self, image: str, *names: str) -> None:
        """Give a local image more names."""
        ...

    async def untag(self, reference: str) -> None:
        """Take the name by which it was fetched from an image; with its last name the image goes.

        Raises:
            CommandError: there is no such name, or the image is in use and this its last one.
        """
        ...
