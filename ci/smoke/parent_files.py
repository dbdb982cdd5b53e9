"""The files of the image that another one is based on, listed once in a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio

from ci.engines.engine import Engine, ImageInfo, Output
from ci.errors import CommandError, EngineError
from ci.plan.plan import PlannedImage
from ci.smoke.probe_program import ProbeProgram
from ci.smoke.results import listing_of
from ci.steps.layout import ROOT

BOOTSTRAP = "bootstrap"
"""The kind of base whose files are checked with each image that is based on it."""


@dataclass(frozen=True, slots=True)
class _Listed:
    files: str
    layers: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class ParentFiles:
    """Lists the parents of images in `engine`'s store.

    `base` is the kind of base that root images have. `names` has the local name of what each image variant is
    based on, by `image:variant`.
    """

    engine: Engine
    base: str
    names: Mapping[str, str]
    _listed: dict[str, _Listed] = field(default_factory=dict)
    """By the id of the image."""
    _lock: anyio.Lock = field(default_factory=anyio.Lock)

    def is_whole(self, planned: PlannedImage) -> bool:
        """Whether nothing is below an image whose files were checked before or are someone else's.

        The bootstrap base is made of Debian packages, so its files are checked with each root image.
        """
        return planned.image.is_root and self.base == BOOTSTRAP

    async def listing(self, planned: PlannedImage, info: ImageInfo, program: ProbeProgram) -> str:
        """Return the files of the parent, as the probe reads them.

        It is empty if the image has no parent whose files count, or if the store lacks the one that it was
        built on.
        """
        name = self.names.get(planned.id, "")
        if not name or self.is_whole(planned):
            return ""
        async with self._lock:
            parent = (await self.engine.images()).get(name)
            if parent is None:
                return ""
            if parent not in self._listed:
                self._listed[parent] = await self._list(parent, program)
        listed = self._listed[parent]
        is_below = tuple(digest for digest, _ in info.layers)[: len(listed.layers)] == listed.layers
        return listed.files if is_below else ""

    async def _list(self, parent: str, program: ProbeProgram) -> _Listed:
        try:
            info = await self.engine.inspect(parent)
            lister = program.lister(config_as_user(info.config, ROOT))
            ended = await self.engine.run_sandboxed(parent, lister, Output())
        except (CommandError, EngineError):
            return _Listed("", ())  # as if the store lacked it
        return _Listed(listing_of(ended.output), tuple(digest for digest, _ in info.layers))


def config_as_user(config: Mapping[str, Any], user: str) -> dict[str, Any]:
    """Return an image's config with another user."""
    return {**config, "config": {**(config.get("config") or {}), "User": user}}
