"""Way (a): `dockwright build`, with its checks, on a root of its own."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.peers.folder import CHECKOUT, folder_bytes
from bench.peers.meter import Failed, Meter
from bench.peers.sizes import Layers
from bench.peers.store import Store
from bench.peers.way import Built
from ci.catalog.load import load_stack

FETCHING = ("base", "debhouse", "wheelhouse")
"""Tasks that bring something from outside, by the start of their name."""


@dataclass(slots=True)
class ByDockwright:
    """Builds the stack directory `stack` below `root`; dockwright is this checkout's."""

    stack: Path
    root: Path
    name: str = "a"
    fetch_s: float = 0.0

    @property
    def store(self) -> Store:
        """Its store."""
        return Store(root=self.root)

    @property
    def env(self) -> dict[str, str]:
        """The settings under which it runs."""
        return {
            "DOCKWRIGHT_ROOT": str(self.root),
            "DOCKWRIGHT_STACK": str(self.stack),
            "DOCKWRIGHT_PROGRESS": "plain",
            "DOCKWRIGHT_ENGINE": "buildah",
        }

    def clear(self) -> None:
        """Remove all that it keeps."""
        self.store.clear()
        shutil.rmtree(self.root, ignore_errors=True)

    def begin(self) -> None:
        """Remove its store, its houses and its state."""
        self.clear()

    def build(self, ids: Sequence[str], meter: Meter, built: Built) -> None:
        """Run `dockwright build` once for all of `ids`.

        Raises:
            Failed: it did not end well; what was built before is there.
        """
        failure: Failed | None = None
        earlier = self._reports()
        try:
            self.command("build", *ids, meter=meter)
        except Failed as error:
            failure = error
        report = self._newest(self._reports() - earlier)
        made = {row["task"] for row in report["images"] if row["action"] == "built"}
        stack = load_stack(self.stack)
        folders = {stack.get(id_).folder for id_ in made}
        meter.context += sum(folder_bytes(self.stack / folder) for folder in folders)
        rows = [row for row in report["others"] if row["task"].startswith(FETCHING)]
        self.fetch_s = sum(row["seconds"] or 0.0 for row in rows)
        names = self.store.names()
        for id_ in ids:
            if f"{stack.namespace}/{id_}" in names:
                built(id_)
        if failure is not None:
            raise failure

    def settle(self, variants: Collection[str], meter: Meter) -> None:
        """Fill the houses of some variants, and build nothing.

        Raises:
            Failed: it did not end well.
        """
        self.command(
            "wheelhouse", *(word for name in sorted(variants) for word in ("--variant", name)), meter=meter
        )

    def command(self, *words: str, meter: Meter) -> None:
        """Run a command of dockwright.

        Raises:
            Failed: it did not end well.
        """
        meter.run([sys.executable, "-m", "ci.cli.main", *words], env=self.env, cwd=CHECKOUT)

    def layers(self, id_: str) -> Layers | None:
        """Return the layers of an image."""
        name = f"{load_stack(self.stack).namespace}/{id_}"
        return self.store.layers(name) if name in self.store.names() else None

    def contents(self, id_: str) -> dict[str, int]:
        """Return the bytes of an image's files by group."""
        return self.store.contents(f"{load_stack(self.stack).namespace}/{id_}")

    def evict(self, keep: Collection[str]) -> None:
        """Remove the images that are not in `keep`."""
        stack = load_stack(self.stack)
        self.store.evict([f"{stack.namespace}/{image.id}" for image in stack.images if image.id not in keep])

    def parents(self, ids: Collection[str]) -> set[str]:
        """Return nothing: all images are built by one command."""
        del ids
        return set()

    def given(self) -> Collection[str]:
        """Return nothing: it makes all that it stands on."""
        return ()

    def _reports(self) -> set[Path]:
        return set(self.root.glob("state/runs/*/report.json"))

    def _newest(self, reports: Collection[Path]) -> dict[str, Any]:
        if not reports:
            return {"images": [], "others": []}
        value: dict[str, Any] = json.loads(max(reports, key=lambda path: path.stat().st_mtime_ns).read_text())
        return value
