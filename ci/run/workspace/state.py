"""The state directory: a record per built image by its cache tag, hashes of files, layer stamps."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter

from ci.plan.keys import Document, digest
from ci.plan.keys import tag as key_tag
from ci.run.workspace.image_record import ImageRecord
from ci.run.workspace.state_file import Warn, exclusive, read_state, warn_once, write_state

_HASHES_LOCK = threading.Lock()
"""Held while hashes are added: folders are hashed in several threads."""


Size = Annotated[int, Field(ge=0, strict=True)]


class _Record(BaseModel):
    document: Document
    layers: tuple[tuple[str, Size], ...]
    config_digest: str


_RECORD = TypeAdapter(_Record)
_HASHES = TypeAdapter(dict[str, tuple[Size, Size, Size, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]]])
_STAMPS = TypeAdapter(dict[str, Annotated[str, Field(min_length=1, max_length=100)]])


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state directory; every file in it is written as a whole or not at all.

    A damaged file counts as absent, and a file that can't be written is not: either is reported by `warn`.
    """

    root: Path
    warn: Warn = warn_once

    @property
    def inputs(self) -> Path:
        """The folder of the package folders bootstrap/, debhouse/ and wheelhouse/VARIANT/.

        `content/` is the content store: every fetched or compiled file once, by its sha256; the package
        folders have hard links to them. `compiled/` names the wheel of an sdist, `partial/` has unfinished
        files.
        """
        return self.root / "inputs"

    def record_path(self, image: str, tag: str) -> Path:
        """Return the path of the record of `image` (`image:variant`) under the cache tag `tag`."""
        return self.root / "images" / image.replace(":", "-") / f"{tag}.json"

    def record(self, image: str, tag: str) -> ImageRecord | None:
        """Return the record of an image, None where there is none or it can't be read."""
        path = self.record_path(image, tag)
        found = read_state(path, _RECORD, self.warn)
        if found is None:
            return None
        if key_tag(digest(found.document)) != tag:
            self.warn(f"{path}: damaged (the record of another image); it is ignored and made again")
            return None
        return ImageRecord(document=found.document, layers=found.layers, config_digest=found.config_digest)

    def stored(self, image: str, tag: str) -> Document | None:
        """Return the key document of an image under a cache tag, None where there is none."""
        found = self.record(image, tag)
        return found.document if found else None

    def write_record(self, image: str, tag: str, record: ImageRecord) -> None:
        """Write the record of an image."""
        value = {
            "schema": 1,
            "document": record.document,
            "layers": [list(layer) for layer in record.layers],
            "config_digest": record.config_digest,
        }
        text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
        write_state(self.record_path(image, tag), text, self.warn)

    def hashes(self) -> dict[str, list[Any]]:
        """Return the known hashes of wheels and debs, by path: see ci.wheelhouse.manifest.verify."""
        found = read_state(self.root / "hashes.json", _HASHES, self.warn)
        return {path: list(entry) for path, entry in (found or {}).items()}

    def add_hashes(self, new: dict[str, list[Any]]) -> None:
        """Add hashes of wheels and debs; any thread may call this."""
        if new:
            with _HASHES_LOCK, exclusive(self.root):
                write_state(self.root / "hashes.json", json.dumps({**self.hashes(), **new}), self.warn)

    def forget_hashes(self) -> None:
        """Forget all hashes of wheels and debs, so that each file is hashed again."""
        with _HASHES_LOCK, exclusive(self.root):
            write_state(self.root / "hashes.json", "{}", self.warn)

    def layer_stamps(self) -> dict[str, str]:
        """Return the stamps that layers had when they were made: see ci.engines.store_state."""
        return read_state(self.root / "layers.json", _STAMPS, self.warn) or {}

    def add_layer_stamps(self, stamps: Mapping[str, str]) -> None:
        """Add the stamps of layers; the stamp that a layer already has stays."""
        with exclusive(self.root):
            self._write_layer_stamps({**stamps, **self.layer_stamps()})

    def forget_layer_stamps(self, layers: Collection[str]) -> None:
        """Remove the stamps of layers that no longer exist."""
        if layers:
            with exclusive(self.root):
                kept = {layer: stamp for layer, stamp in self.layer_stamps().items() if layer not in layers}
                self._write_layer_stamps(kept)

    def _write_layer_stamps(self, stamps: Mapping[str, str]) -> None:
        write_state(self.root / "layers.json", json.dumps(stamps, indent=0), self.warn)
