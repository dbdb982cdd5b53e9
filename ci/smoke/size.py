"""The size of an image: its budget, and no layer too large. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ci.catalog.stack import ImageVariant
from ci.report.check import Check, Rung, Status

NAME = "size budget"
LAYER_BYTES = 2 * 10**9
"""Most that one layer may be, unpacked: layers are pulled and compressed side by side, and committing takes
several times the size of the largest one."""


def layer_check(image: ImageVariant, layers: Sequence[tuple[str, int]]) -> Check:
    """Return whether every layer, (digest, bytes unpacked) from the lowest up, keeps to `LAYER_BYTES`.

    No layers: the engine does not tell them.
    """
    if not layers:
        return _told("layer sizes", Status.skipped, "this engine tells no sizes of layers")
    large = [(place, size) for place, (_, size) in enumerate(layers, 1) if size > LAYER_BYTES]
    if not large:
        return _told("layer sizes", Status.passed, f"{len(layers)} layers")
    shown = ", ".join(f"layer {place} of {len(layers)} has {size / 1e6:.0f} MB" for place, size in large)
    return _told(
        "layer sizes",
        Status.failed,
        f"{shown}, and {LAYER_BYTES / 1e6:.0f} MB is the most; name what is large in "
        f"variant.{image.variant}.layers of {image.folder}/image.toml",
    )


def budget_check(image: ImageVariant, unpacked_bytes: int) -> Check:
    """Return whether an image keeps to its budget; MB are 10**6 bytes, unpacked."""
    size, limit = unpacked_bytes / 1e6, image.budget.unpacked_mb
    if limit is None:
        return _told(NAME, Status.skipped, f"no budget in image.toml; it is {size:.0f} MB")
    if size <= limit:
        return _told(NAME, Status.passed, f"{size:.0f} MB of {limit:g} MB")
    # Rounded up: an image that is a little over is not "0 MB over".
    shown, over = (math.ceil(value * 10) / 10 for value in (size, size - limit))
    return _told(
        NAME,
        Status.failed,
        f"{shown:g} MB of {limit:g} MB, {over:g} MB over; find what grew, or raise [budget] "
        f"unpacked_mb in {image.folder}/image.toml",
    )


def _told(name: str, status: Status, detail: str) -> Check:
    return Check(name=name, rung=Rung.size, status=status, detail=detail)
