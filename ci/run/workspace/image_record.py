"""What was learned when an image was built. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ci.plan.keys import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """What was learned when an image was built.

    `layers` are (DiffID or digest, bytes) from the lowest up; `document` is the key document.
    """

    document: Document
    layers: tuple[tuple[str, int], ...]
    config_digest: str

    @property
    def unpacked_bytes(self) -> int:
        """Bytes of all layers, unpacked."""
        return sum(size for _, size in self.layers)
