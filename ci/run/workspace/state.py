"""What dockwright remembers beside the store: a record per built image, by its cache tag."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.plan.keys import Document
from ci.run.workspace.atomic_write import write_atomically
from ci.run.workspace.image_record import ImageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state directory; every file in it is written whole or not at all."""

    root: Path

    @property
    def houses(self) -> Path:
        """The folder of bootstrap/, debhouse/, wheelhouse/VARIANT/, and of what they share.

        `kept/` has every fetched or compiled file once by its sha256, which the houses link to; `compiled/`
        says what came of an sdist; `parts/` has what is on its way.
        """
        return self.root / "houses"

    def record_path(self, image: str, tag: str) -> Path:
        """Return where the record of `image` (`image:variant`) under the cache tag `tag` is kept."""
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
        """Keep the record of an image."""
        value = {
            "schema": 1,
            "document": record.document,
            "layers": [list(layer) for layer in record.layers],
            "config_digest": record.config_digest,
        }
        write_atomically(self.record_path(image, tag), json.dumps(value, indent=1, ensure_ascii=False) + "\n")

    def seen(self) -> dict[str, list[Any]]:
        """Return the remembered hashes of wheels and debs: see ci.wheelhouse.manifest.verify."""
        try:
            found = dict(json.loads((self.root / "hashes.json").read_text()))
        except (OSError, ValueError, TypeError):
            return {}
        return {path: known for path, known in found.items() if isinstance(known, list) and known}

    def write_seen(self, seen: dict[str, list[Any]]) -> None:
        """Remember the hashes of wheels and debs."""
        write_atomically(self.root / "hashes.json", json.dumps(seen))

    def marks(self) -> dict[str, str]:
        """Return the marks that layers had when they were made: see ci.engines.store_state."""
        try:
            return dict(json.loads((self.root / "layers.json").read_text()))
        except (OSError, ValueError, TypeError):
            return {}

    def write_layer_stamps(self, marks: dict[str, str]) -> None:
        """Remember the marks of layers."""
        write_atomically(self.root / "layers.json", json.dumps(marks, indent=0))

    def forget_layer_stamps(self, layers: Collection[str]) -> None:
        """Forget the marks of layers that are gone."""
        if layers:
            self.write_layer_stamps(
                {layer: mark for layer, mark in self.marks().items() if layer not in layers}
            )
