"""The size budget of an image. Pure."""

from __future__ import annotations

import math

from ci.catalog.stack import ImageVariant
from ci.smoke.check import Check, Status

NAME = "size budget"


def budget_check(image: ImageVariant, unpacked_bytes: int) -> Check:
    """Return whether an image keeps to its budget; MB are 10**6 bytes, unpacked."""
    size = unpacked_bytes / 1e6
    if image.budget_mb is None:
        return Check(name=NAME, status=Status.skipped, detail=f"no budget in image.toml; it is {size:.0f} MB")
    if size <= image.budget_mb:
        return Check(name=NAME, status=Status.passed, detail=f"{size:.0f} MB of {image.budget_mb} MB")
    # Rounded up: an image that is a little over is not "0 MB over".
    shown, over = (math.ceil(value * 10) / 10 for value in (size, size - image.budget_mb))
    return Check(
        name=NAME,
        status=Status.failed,
        detail=f"{shown:g} MB of {image.budget_mb} MB, {over:g} MB over; find what grew, or raise [budget] "
        f"unpacked_mb in {image.folder}/image.toml",
    )
