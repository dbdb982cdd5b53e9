"""What was learned when an image was built. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ci.names.digest import whole_digest
from ci.plan.keys import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """What was learned when an image was built.

    `layers` are (DiffID or digest, bytes) from the lowest up; `document` is the key document.
    """

    document: Document
    layers: tuple[tuple[str, int], ...]
    config_digest: str
    """With its algorithm, whatever the engine calls the image; empty where it is not known."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "config_digest", whole_digest(self.config_digest))

    @property
    def unpacked_bytes(self) -> int:
        """Bytes of all layers, unpacked."""
        return sum(size for _, size in self.layers)
