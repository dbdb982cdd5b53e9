"""Checks of an image's size: its budget, and no layer too large. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ci.catalog.stack import ImageVariant
from ci.report.check import Check, Rung, Status

NAME = "size budget"
LAYER_BYTES = 2 * 10**9
"""The limit of one layer, unpacked.

Layers are pulled and compressed in parallel, and to commit one takes several times its size on disk.
"""


def layer_check(image: ImageVariant, layers: Sequence[tuple[str, int]]) -> Check:
    """Return the check that no layer is larger than `LAYER_BYTES`.

    `layers` are (digest, bytes unpacked), the lowest first; empty if the engine does not report them.
    """
    if not layers:
        return _check("layer sizes", Status.skipped, "this engine does not report the sizes of layers")
    large = [(number, size) for number, (_, size) in enumerate(layers, 1) if size > LAYER_BYTES]
    if not large:
        return _check("layer sizes", Status.passed, f"{len(layers)} layers")
    shown = ", ".join(f"layer {number} of {len(layers)} has {size / 1e6:.0f} MB" for number, size in large)
    return _check(
        "layer sizes",
        Status.failed,
        f"{shown}; the limit is {LAYER_BYTES / 1e6:.0f} MB\n"
        f"hint: list its large packages in variant.{image.variant}.layers of {image.folder}/image.toml",
    )


def budget_check(image: ImageVariant, unpacked_bytes: int) -> Check:
    """Return the check that an image is within its budget. MB are 10**6 bytes, unpacked."""
    size, limit = unpacked_bytes / 1e6, image.budget.unpacked_mb
    if limit is None:
        return _check(NAME, Status.skipped, f"no budget in image.toml; it is {size:.0f} MB")
    if size <= limit:
        return _check(NAME, Status.passed, f"{size:.0f} MB of {limit:g} MB")
    # Rounded up: an image that is a little over is not "0 MB over".
    shown, over = (math.ceil(value * 10) / 10 for value in (size, size - limit))
    return _check(
        NAME,
        Status.failed,
        f"{shown:g} MB of {limit:g} MB, {over:g} MB over\n"
        f"hint: `dockwright budget` shows what grew; or raise unpacked_mb under [budget] in "
        f"{image.folder}/image.toml",
    )


def within_budget(image: ImageVariant, layers: Sequence[tuple[str, int]]) -> bool:
    """Whether an image with these layers is within its budget, which may be another than before."""
    return budget_check(image, sum(size for _, size in layers)).status is not Status.failed


def _check(name: str, status: Status, detail: str) -> Check:
    return Check(name=name, rung=Rung.size, status=status, detail=detail)
