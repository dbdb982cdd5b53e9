"""The size budget of an image. Pure."""

from __future__ import annotations

from ci.catalog.stack import ImageVariant
from ci.smoke.check import Check, Status

NAME = "size budget"


def budget_check(image: ImageVariant, unpacked_bytes: int) -> Check:
    """Return whether an image keeps to its budget; MB are 10**6 bytes, unpacked."""
    size = unpacked_bytes / 1e6
    if image.budget_mb is None:
        return Check(name=NAME, status=Status.skipped, detail=f"no budget in image.toml; it is {size:.0f} MB")
    text = f"{size:.0f} MB of {image.budget_mb} MB"
    if size <= image.budget_mb:
        return Check(name=NAME, status=Status.passed, detail=text)
    over = size - image.budget_mb
    return Check(
        name=NAME,
        status=Status.failed,
        detail=f"{text}, {over:.0f} MB over; find what grew, or raise [budget] unpacked_mb in "
        f"{image.folder}/image.toml",
    )
