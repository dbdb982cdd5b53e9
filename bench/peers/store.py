"""A Buildah store of this bench: what its images are, and their removal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bench.peers.contents import contents
from bench.peers.meter import Failed
from bench.peers.sizes import Layers

LOCAL = "localhost/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The store below `root`, laid out as dockwright's: `store`, `run` and `tmp`."""

    root: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment of every command: temporary files belong to the store."""
        (self.root / "tmp").mkdir(parents=True, exist_ok=True)
        return {"TMPDIR": str(self.root / "tmp")}

    def argv(self, *words: str) -> tuple[str, ...]:
        """Return the words of a command of Buildah on this store."""
        return ("buildah", "--root", str(self.root / "store"), "--runroot", str(self.root / "run"), *words)

    def say(self, *words: str) -> str:
        """Run a command of Buildah, not measured, and return what it prints.

        Raises:
            Failed: it failed.
        """
        done = subprocess.run(self.argv(*words), env=_env(self), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"buildah {' '.join(words)}: {done.stderr}")
        return done.stdout

    def names(self) -> dict[str, str]:
        """Return the ids of all named images by name."""
        listed = json.loads(self.say("images", "--json", "--no-trunc") or "[]") or []
        return {
            name.removeprefix(LOCAL): image["id"] for image in listed for name in image.get("names") or []
        }

    def layers(self, name: str) -> Layers:
        """Return the layers of an image; they are kept unpacked, so sizes are the manifest's."""
        value = json.loads(self.say("inspect", "--type", "image", LOCAL + name))
        manifest = json.loads(value["Manifest"])
        return tuple((str(layer["digest"]), int(layer["size"])) for layer in manifest["layers"])

    def contents(self, name: str) -> dict[str, int]:
        """Return the bytes of an image's files by group."""
        container = self.say("from", "--pull-never", LOCAL + name).strip()
        try:
            return contents(Path(self.say("mount", container).strip()))
        finally:
            self.say("rm", container)

    def evict(self, names: Collection[str]) -> None:
        """Remove the images of these names, under all their names, and the steps that they alone have."""
        held = self.names()
        for id_ in dict.fromkeys(held[name] for name in names if name in held):
            words = self.argv("rmi", "--force", id_)
            subprocess.run(words, env=_env(self), capture_output=True, check=False)

    def clear(self) -> None:
        """Remove the whole store."""
        if (self.root / "store").is_dir():
            for words in (("rm", "--all"), ("rmi", "--all", "--force")):
                subprocess.run(self.argv(*words), env=_env(self), capture_output=True, check=False)
            subprocess.run(("umount", str(self.root / "store/overlay")), capture_output=True, check=False)
        for name in ("store", "run", "tmp"):
            shutil.rmtree(self.root / name, ignore_errors=True)


def _env(store: Store) -> dict[str, str]:
    return {**os.environ, **store.env}
