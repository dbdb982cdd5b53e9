"""Way (c): the rendered Dockerfiles by Docker's BuildKit, with the commands of their headers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers.daemon import Daemon, daemon, decimal_bytes
from bench.peers.meter import Failed, Meter
from bench.peers.scope import closed
from bench.peers.sizes import Layers
from bench.peers.start import Start
from bench.peers.store import LOCAL
from bench.peers.way import Built
from ci.catalog.load import load_stack
from ci.lower.render import FILES
from ci.run.inputs.staged_files import by_folder, write_context

PACK = "pack"
"""The part of a run that makes local images of the houses."""
LARGE_BYTES = 10**9
_CONTEXT = re.compile(r"^#(\d+) transferring context: ([\d.]+[kMGT]?B)", re.MULTILINE)


@dataclass(slots=True)
class ByBuildkit:
    """Builds the stack directory `stack` with a daemon that keeps all below `root`, from the image `start`.

    `houses` returns the folder of wheelhouses and debhouse as dockwright has left it: BuildKit fetches
    nothing by hash, so what that took is not in its time.
    """

    stack: Path
    root: Path
    start: Start
    houses: Callable[[], Path]
    name: str = "c"
    stopped: ExitStack = field(default_factory=ExitStack)
    running: Daemon | None = None

    @property
    def daemon(self) -> Daemon:
        """Its daemon, started when it is first asked for."""
        if self.running is None:
            self.running = self.stopped.enter_context(daemon(self.root / "data"))
        return self.running

    def stop(self) -> None:
        """End its daemon."""
        self.stopped.close()
        self.running = None

    def clear(self) -> None:
        """End its daemon and remove all that it keeps."""
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def begin(self) -> None:
        """Start a daemon that has the image from outside alone."""
        self.clear()
        self.daemon.say("load", "--input", str(self.start.archive))
        self.daemon.say("tag", LOCAL + self.start.name, self.start.name)

    def build(self, ids: Sequence[str], meter: Meter, built: Built) -> None:
        """Make local images of the houses, then build each of `ids`.

        Raises:
            Failed: some could not be built; those that do not stand on them were.
        """
        stack = load_stack(self.stack)
        env, houses = self.daemon.env, self.houses()
        for folder, image in by_folder(stack.images).items():
            write_context(self.stack, image, houses / FILES / folder)
        commands = {id_: list(self._commands(stack.get(id_).folder, id_, houses)) for id_ in ids}
        for line in dict.fromkeys(line for lines in commands.values() for line in lines[:-1]):
            meter.context += sent(meter.run(["sh", "-c", line], env=env, cwd=self.stack, part=PACK))
        failures: dict[str, str] = {}
        for id_, lines in commands.items():
            parent = stack.get(id_).parent
            if parent in failures:
                failures[id_] = f"{id_}: not built, {parent} is missing"
                continue
            try:
                said = meter.run(["sh", "-c", lines[-1]], env=env, cwd=self.stack, part=id_)
            except Failed as error:
                failures[id_] = f"{id_}: {error}"
                continue
            meter.context += sent(said)
            built(id_)
        if failures:
            raise Failed("\n".join(failures.values()))

    def layers(self, id_: str) -> Layers | None:
        """Return the layers of an image."""
        try:
            return self.daemon.layers(f"{load_stack(self.stack).namespace}/{id_}")
        except Failed:
            return None

    def contents(self, id_: str) -> dict[str, int]:
        """Return nothing: its images hold the files of way (a)'s."""
        del id_
        return {}

    def evict(self, keep: Collection[str]) -> None:
        """Remove the images that are not in `keep`, and large records of the build cache."""
        stack = load_stack(self.stack)
        listed = self.daemon.say("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        for image in stack.images:
            name = f"{stack.namespace}/{image.id}"
            if image.id not in keep and name in listed:
                self.daemon.say("rmi", "--force", name)
        self.daemon.say("image", "prune", "--force")
        self.daemon.prune(LARGE_BYTES)

    def parents(self, ids: Collection[str]) -> set[str]:
        """Return all that `ids` stand on."""
        return set(closed(load_stack(self.stack), ids))

    def given(self) -> Collection[str]:
        """Return the layers of the image from outside."""
        return [digest for digest, _ in self.daemon.layers(self.start.name)]

    def _commands(self, folder: str, id_: str, houses: Path) -> Iterator[str]:
        """Yield the commands of a rendered header, the one that builds the image last."""
        variant = id_.partition(":")[2]
        text = (self.stack / folder / f"Dockerfile.{variant}").read_text()
        root = load_stack(self.stack).get(id_).is_root
        for line in header_commands(text):
            line = line.replace(" DIR/", f" {houses}/")
            if root:
                line = line.replace(
                    " build --network ", f" build --build-arg PARENT={self.start.name} --network "
                )
            yield line


def header_commands(text: str) -> list[str]:
    """Return the commands in the header of a rendered Dockerfile, what they need first."""
    lines = [line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   ")]
    return sorted(lines, key=lambda line: "--network none" in line)


def sent(output: str) -> int:
    """Return the bytes of context that a build by BuildKit says it has sent."""
    return sum({step: decimal_bytes(size) for step, size in _CONTEXT.findall(output)}.values())
