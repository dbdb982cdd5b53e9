"""Way (b): plain Dockerfiles, one `buildah build --layers` an image, one after another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.peers.folder import folder_bytes
from bench.peers.meter import Failed, Meter
from bench.peers.plain import (
    NAMESPACE,
    dockerfile,
    name_of,
    own_part,
    plain_parent,
    requirements_text,
    whole_requirements,
)
from bench.peers.sizes import Layers
from bench.peers.start import Start
from bench.peers.store import LOCAL, Store
from bench.peers.way import Built
from ci.catalog.load import load_stack
from ci.catalog.stack import ImageVariant, Stack
from ci.engines.network import DEBIAN_BUNDLE, PROXY_VARIABLES, ca_bundle

START = f"{NAMESPACE}/start:given"


@dataclass(slots=True)
class ByDockerfile:
    """Builds the stack directory `stack` below `root`, from the image `start`."""

    stack: Path
    root: Path
    start: Start
    name: str = "b"

    @property
    def store(self) -> Store:
        """Its store."""
        return Store(root=self.root)

    def clear(self) -> None:
        """Remove all that it keeps."""
        self.store.clear()
        shutil.rmtree(self.root, ignore_errors=True)

    def begin(self) -> None:
        """Make a store that holds the image from outside alone."""
        self.clear()
        self.store.say("pull", f"docker-archive:{self.start.archive}")
        self.store.say("tag", LOCAL + self.start.name, LOCAL + START)

    def build(self, ids: Sequence[str], meter: Meter, built: Built) -> None:
        """Build each of `ids`, and what it starts from before it.

        Raises:
            Failed: some could not be built; those that do not stand on them were.
        """
        stack = load_stack(self.stack)
        failures: dict[str, str] = {}
        for image in in_order(stack, ids):
            parent = plain_parent(stack, image)
            if parent is not None and parent.id in failures:
                failures[image.id] = f"{image.id}: not built, {parent.id} is missing"
                continue
            context = self._write_context(stack, image)
            try:
                meter.run(self._command(image, context), env=self._env(), part=image.id)
            except Failed as error:
                failures[image.id] = f"{image.id}: {error}"
                continue
            meter.context += folder_bytes(context)
            built(image.id)
        if failures:
            raise Failed("\n".join(failures.values()))

    def layers(self, id_: str) -> Layers | None:
        """Return the layers of an image."""
        name = f"{NAMESPACE}/{id_}"
        return self.store.layers(name) if name in self.store.names() else None

    def contents(self, id_: str) -> dict[str, int]:
        """Return the bytes of an image's files by group."""
        return self.store.contents(f"{NAMESPACE}/{id_}")

    def evict(self, keep: Collection[str]) -> None:
        """Remove the images that are not in `keep`."""
        images = load_stack(self.stack).images
        self.store.evict([name_of(image) for image in images if image.id not in keep])

    def parents(self, ids: Collection[str]) -> set[str]:
        """Return what the plain twins of `ids` start from."""
        return {image.id for image in in_order(load_stack(self.stack), ids)}

    def given(self) -> Collection[str]:
        """Return the layers of the image from outside."""
        return [digest for digest, _ in self.store.layers(START)]

    def _command(self, image: ImageVariant, context: Path) -> tuple[str, ...]:
        """Return the command that builds the plain twin of `image`.

        The bundle of certificates of this machine lies over that of the image while a step runs.
        """
        words = ["build", "--layers", "--isolation", "chroot", "--network", "host", "--pull=never"]
        bundle = ca_bundle(os.environ)
        words += ["--volume", f"{bundle.resolve()}:{DEBIAN_BUNDLE}:ro"] if bundle else []
        return self.store.argv(*words, "--tag", LOCAL + name_of(image), str(context))

    def _env(self) -> dict[str, str]:
        return {name: os.environ[name] for name in PROXY_VARIABLES if name in os.environ} | self.store.env

    def _write_context(self, stack: Stack, image: ImageVariant) -> Path:
        """Write the folder that a team would keep for the image: files, requirements, Dockerfile."""
        context = self.root / "contexts" / f"{image.image}-{image.variant}"
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir(parents=True)
        for one in own_part(stack, image):
            for file in one.files:
                target = context / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.stack / one.folder / file.path, target)
        (context / "requirements.txt").write_text(requirements_text(whole_requirements(stack, image)))
        venv = ("python3-venv",) if self.start.bootstrap else ()
        (context / "Dockerfile").write_text(dockerfile(stack, image, LOCAL + START, venv))
        return context


def in_order(stack: Stack, ids: Collection[str]) -> list[ImageVariant]:
    """Return the images `ids` and what their plain twins start from, in the order of the stack."""
    wanted = set(ids)
    for id_ in ids:
        parent = plain_parent(stack, stack.get(id_))
        while parent is not None:
            wanted.add(parent.id)
            parent = plain_parent(stack, parent)
    return [image for image in stack.images if image.id in wanted]
