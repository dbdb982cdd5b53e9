"""Runners that have nothing but a registry, each in a way of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.peers.by_buildkit import ByBuildkit
from bench.peers.by_dockerfile import ByDockerfile
from bench.peers.by_dockwright import ByDockwright
from bench.peers.meter import Meter
from ci.catalog.load import load_stack
from ci.catalog.stack import ImageVariant

INLINE = "--build-arg BUILDKIT_INLINE_CACHE=1"
"""Source: Docker, Inline cache storage backend."""


class Runner(Protocol):
    """Brings images up to date with what a registry has, and lets it have what is new."""

    name: str
    title: str

    def cold(self) -> None:
        """Forget everything but the image from outside that all start from; not measured."""
        ...

    def run(self, ids: Sequence[str], meter: Meter) -> None:
        """Build `ids` with the registry's cache, and push.

        Raises:
            Failed: not all of them are there.
        """
        ...

    def end(self) -> None:
        """End what runs, and remove all that is kept."""
        ...


@dataclass(slots=True)
class Dockwright:
    """`dockwright build --registry --cache read-write`, which makes its base itself."""

    way: ByDockwright
    place: str
    name: str = "a"
    title: str = "dockwright"

    def cold(self) -> None:
        """Remove store, houses and state."""
        self.way.clear()

    def run(self, ids: Sequence[str], meter: Meter) -> None:
        """Run one command."""
        self.way.command("build", *ids, "--registry", self.place, "--cache", "read-write", meter=meter)

    def end(self) -> None:
        """Remove what is left."""
        self.way.clear()


class _CachedDockerfiles(ByDockerfile):
    """Plain Dockerfiles with a cache in the registry. Source: buildah-build(1), --cache-from, --cache-to."""

    cache = ""

    def _command(self, image: ImageVariant, context: Path) -> tuple[str, ...]:
        *words, folder = ByDockerfile._command(self, image, context)
        return (*words, "--tls-verify=false", "--cache-from", self.cache, "--cache-to", self.cache, folder)


@dataclass(slots=True)
class Dockerfiles:
    """A way of bench.peers that starts with the image from outside, and runs a command for each image."""

    way: ByDockerfile | ByBuildkit
    name: str
    title: str

    def cold(self) -> None:
        """Have the image from outside alone."""
        self.way.begin()

    def run(self, ids: Sequence[str], meter: Meter) -> None:
        """Run the commands of each image."""
        if isinstance(self.way, ByBuildkit):
            meter.beside = self.way.daemon.cpu_s
        self.way.build(ids, meter, lambda _: None)

    def end(self) -> None:
        """End what runs, and remove what is kept."""
        self.way.clear()


def buildah(way: ByDockerfile, cache: str) -> Dockerfiles:
    """Return the runner of plain Dockerfiles with a cache in the repository `cache`."""
    cached = _CachedDockerfiles(stack=way.stack, root=way.root, start=way.start)
    cached.cache = cache
    return Dockerfiles(cached, "b", "Buildah, plain Dockerfiles, `--cache-from`, `--cache-to`")


class _InlineCached(ByBuildkit):
    """The rendered Dockerfiles, each image with its cache in it, pushed when it is built."""

    place = ""

    def _commands(self, folder: str, id_: str, houses: Path) -> Iterator[str]:
        *before, build = ByBuildkit._commands(self, folder, id_, houses)
        yield from before
        name = f"{load_stack(self.stack).namespace}/{id_}"
        there = f"{self.place}/{id_}"
        build = build.replace(" build ", f" build {INLINE} --cache-from {there} ", 1)
        yield f"{build} && docker tag {name} {there} && docker push --quiet {there}"


def buildkit(way: ByBuildkit, place: str) -> Dockerfiles:
    """Return the runner of BuildKit, which pushes below `place`; houses are given to it."""
    cached = _InlineCached(stack=way.stack, root=way.root, start=way.start, houses=way.houses)
    cached.place = place
    return Dockerfiles(cached, "c", "BuildKit, rendered Dockerfiles, inline cache, houses given")
