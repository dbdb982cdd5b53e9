"""What a run needs of an engine: values, and the protocol that each engine implements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ci.engines.capabilities import Capabilities
from ci.engines.local_store import LocalStore
from ci.engines.process.command import Privilege, ProcessResult
from ci.errors import EngineError
from ci.lower.dockerfile import PARENT_ARG, declared_args, label_instruction
from ci.steps.step import Step

if TYPE_CHECKING:
    import dagger  # for its types alone: importing it takes half a second

    from ci.engines.input_fetcher import InputFetcher

Folder: TypeAlias = "Path | dagger.Directory"
"""A folder of this machine, or one that only the engine has."""

File: TypeAlias = "Path | dagger.File"
"""A file of this machine, or one that only the engine has."""

Mounts: TypeAlias = "Sequence[tuple[Path | dagger.Directory | dagger.File, str, str]]"
"""(what, path in the container, `ro` or `rw`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where the output of a child process goes.

    `on_cpu` gets the CPU seconds in user mode that building an image took, from an engine that measures them.
    """

    log: Path | None = None
    on_line: Callable[[str], None] | None = None
    on_cpu: Callable[[float], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """One image to build from its lowered recipe, offline.

    Attributes:
        instructions: text of the Dockerfile.
        steps: what the instructions were rendered from, for an engine that takes no Dockerfile.
        context: a folder with the tree of the image's own files, which nobody else changes.
        parent: name of the local image that it starts from.
        build_args: digests of what the instructions mount.
        folders: the folder for each image reference that the instructions mount.
        labels: labels in addition to those of the recipe.
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

    @property
    def text(self) -> str:
        """The whole Dockerfile: the instructions, and last the labels, which show that all was executed."""
        labels = sorted(self.labels.items())
        return self.instructions + (f"{label_instruction(labels)}\n" if labels else "")

    def arguments(self, parent: str) -> dict[str, str]:
        """Return the build arguments; `parent` is what the engine calls the image to start from.

        Raises:
            EngineError: the digest of something that is mounted is not known, so that a layer which was made
                of other content could be taken from the engine's cache.
        """
        known = {**self.build_args, PARENT_ARG: parent}
        unknown = [name for name in declared_args(self.instructions) if not known.get(name)]
        if unknown:
            raise EngineError(f"the instructions mount what has no digest: no value for {', '.join(unknown)}")
        return known

    def check_executed(self, config: Mapping[str, Any]) -> None:
        """Check that the image with this OCI config has the labels of the last instruction.

        Raises:
            EngineError: the engine has left out the end of the Dockerfile.
        """
        found = (config.get("config") or {}).get("Labels") or {}
        if any(found.get(name) != value for name, value in self.labels.items()):
            raise EngineError(
                "the engine did not execute the whole Dockerfile: the labels of its last line are missing",
                hint="look for a line that its parser can't read in the log",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRun:
    """A program that runs in a new container.

    Attributes:
        argv: the program with its arguments, in place of the image's entrypoint.
        mounts: folders and files that it sees.
        env: its environment, on top of the image's.
        user: `uid:gid` or a name; empty: the image's user.
        network: whether it has network access.
        secrets: text of files that it alone can read, by their paths in the container.
    """

    argv: Sequence[str]
    mounts: Mounts = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    network: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxedProgram:
    """A program that checks an image without access to anything else: see `Engine.run_sandboxed`.

    Attributes:
        argv: the program with its arguments, in place of the image's entrypoint.
        config: the image's OCI config, as `inspect` returns it.
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

    Where an engine does not report sizes of layers, the last one has all bytes, and `has_layer_sizes` is
    false. `id` is the digest of the config, empty where an engine knows it only once it has pushed the image.
    """

    id: str
    config: dict[str, Any]
    layers: tuple[tuple[str, int], ...]
    has_layer_sizes: bool = True


class Engine(Protocol):
    """Builds, runs and names local images. Names are `namespace/image:tag`, without a registry."""

    @property
    def name(self) -> str:
        """The name that `--engine` takes; for messages and reports, never to decide by."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do here."""
        ...

    @property
    def privilege(self) -> Privilege:
        """How a command of this machine gets the rights that the store's files need."""
        ...

    @property
    def store(self) -> LocalStore | None:
        """Its store, where that is in files of this machine."""
        ...

    @property
    def input_fetcher(self) -> InputFetcher | None:
        """How it fetches build inputs itself; None where they are fetched on this machine and mounted."""
        ...

    def for_run(self, marker: Path, scratch: Path) -> Engine:
        """Return this engine for one run.

        What it starts carries the path of the run marker, so that it is found when the run was killed;
        temporary files go to `scratch`.
        """
        ...

    async def remove_stale_containers(self, markers: Sequence[Path]) -> int:
        """Remove the containers of the runs with these markers; return how many there were."""
        ...

    async def images(self) -> dict[str, str]:
        """Return the ids of all local images by name."""
        ...

    async def build(self, request: BuildRequest, output: Output) -> str:
        """Build an image and return its id; it has no name yet.

        Raises:
            CommandError: a step failed.
        """
        ...

    async def run(self, image: str, run: ContainerRun, output: Output) -> str:
        """Run a program in a new container of `image` and return its standard output; remove the container.

        Raises:
            CommandError: it ended with a non-zero status.
        """
        ...

    async def attach(self, image: str, run: ContainerRun, *, terminal: bool) -> int:
        """Run a program in a new container with our standard input and outputs and return its exit status.

        With `terminal` it gets a terminal of its own, connected to ours. The container is removed.

        Raises:
            CommandError: no container could be made of the image.
            EngineError: this engine connects no terminal.
        """
        ...

    async def run_sandboxed(self, image: str, program: SandboxedProgram, output: Output) -> ProcessResult:
        """Run a program in `image` as the image's user, separated as `capabilities.sandbox` says.

        Raises:
            EngineError: it could not be started at all.
        """
        ...

    async def machine_class(self) -> str:
        """Return the class of the machine that `run_sandboxed` uses, see ci/engines/machine.py."""
        ...

    async def gpu_error(self, image: str) -> str:
        """Return why `run_sandboxed` can't give a GPU, empty where it can; `image` is any local image."""
        ...

    async def warnings(self, image: str) -> tuple[str, ...]:
        """Return what is wrong with the engine itself, a sentence each; `image` is any that has df."""
        ...

    async def fetch(self, reference: str, output: Output, authfile: str = "") -> str:
        """Fetch `repository@digest` from its registry and return its id; it has no name of ours yet.

        `authfile` holds credentials, see containers-auth.json(5); empty: those that the engine finds itself.

        Raises:
            CommandError: the registry does not deliver it.
        """
        ...

    async def push(self, image: str, reference: str, output: Output, authfile: str = "") -> str:
        """Push an image by id to `repository:tag`, its layers as zstd, and return its manifest's digest.

        Raises:
            CommandError: the registry does not accept it.
            EngineError: this engine does not push.
        """
        ...

    async def import_root(self, archive: Path, name: str, env: Mapping[str, str], output: Output) -> None:
        """Make the local image `name` from a tar of a root file system."""
        ...

    async def inspect(self, image: str) -> ImageInfo:
        """Return the config and the layers of a local image."""
        ...

    async def tag(self, image: str, *names: str) -> None:
        """Give a local image more names."""
        ...

    async def untag(self, reference: str) -> None:
        """Remove the name by which an image was fetched; with its last name the image is removed.

        Raises:
            CommandError: there is no such name, or it is the last one of an image in use.
        """
        ...
