"""The state directory: a record per built image by its cache tag, hashes of files, layer stamps."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.plan.keys import Document
from ci.run.workspace.image_record import ImageRecord
from ci.wheelhouse.program.atomic_write import write_atomically

_HASHES = threading.Lock()
"""Held while hashes are added: folders are hashed in several threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state directory; every file in it is written as a whole or not at all."""

    root: Path

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
        try:
            value: dict[str, Any] = json.loads(self.record_path(image, tag).read_text())
            layers = tuple((str(digest), int(size)) for digest, size in value["layers"])
            return ImageRecord(
                document=dict(value["document"]), layers=layers, config_digest=str(value["config_digest"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

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
        write_atomically(self.record_path(image, tag), json.dumps(value, indent=1, ensure_ascii=False) + "\n")

    def hashes(self) -> dict[str, list[Any]]:
        """Return the known hashes of wheels and debs, by path: see ci.wheelhouse.manifest.verify."""
        try:
            found = dict(json.loads((self.root / "hashes.json").read_text()))
        except (OSError, ValueError, TypeError):
            return {}
        return {path: entry for path, entry in found.items() if isinstance(entry, list) and entry}

    def add_hashes(self, new: dict[str, list[Any]]) -> None:
        """Add hashes of wheels and debs; any thread may call this."""
        if new:
            with _HASHES:
                write_atomically(self.root / "hashes.json", json.dumps({**self.hashes(), **new}))

    def forget_hashes(self) -> None:
        """Forget all hashes of wheels and debs, so that each file is hashed again."""
        with _HASHES:
            (self.root / "hashes.json").unlink(missing_ok=True)

    def layer_stamps(self) -> dict[str, str]:
        """Return the stamps that layers had when they were made: see ci.engines.store_state."""
        try:
            return dict(json.loads((self.root / "layers.json").read_text()))
        except (OSError, ValueError, TypeError):
            return {}

    def write_layer_stamps(self, stamps: dict[str, str]) -> None:
        """Write the stamps of layers."""
        write_atomically(self.root / "layers.json", json.dumps(stamps, indent=0))

    def forget_layer_stamps(self, layers: Collection[str]) -> None:
        """Remove the stamps of layers that no longer exist."""
        if layers:
            self.write_layer_stamps(
                {layer: stamp for layer, stamp in self.layer_stamps().items() if layer not in layers}
            )
