"""An image as a value, of an engine in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LAYER_BYTES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeImage:
    """An image of a `FakeEngine`; `folder` is the name of the folder that it was built from.

    `files` has the content of each file that was copied into it and its parents, by its path in the image.
    """

    config: dict[str, Any]
    layers: tuple[tuple[str, int], ...]
    folder: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        """Its OCI config."""
        return {"config": self.config, "rootfs": {"diff_ids": [digest for digest, _ in self.layers]}}

    @property
    def id(self) -> str:
        """The digest of its config, without `sha256:`."""
        return hashlib.sha256(json_bytes(self.document)).hexdigest()


def json_bytes(value: object) -> bytes:
    """Return a value as the bytes that its digest is of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
