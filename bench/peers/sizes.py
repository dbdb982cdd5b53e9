"""Arithmetic on the layers of images: unions, what is new, what one image has more of than its twin. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Layers = tuple[tuple[str, int], ...]
"""The layers of an image as (digest, bytes unpacked), the lowest first."""

SHOWN_BYTES = 1_000_000
"""A difference below this is not worth a word."""


def size(layers: Layers) -> int:
    """Return the bytes of an image."""
    return sum(count for _, count in layers)


def union(images: Iterable[Layers]) -> dict[str, int]:
    """Return the bytes of every layer that some of the images has, once each."""
    return {digest: count for layers in images for digest, count in layers}


def made(before: Iterable[Layers], after: Iterable[Layers], given: Iterable[str] = ()) -> dict[str, int]:
    """Return the layers of `after` that neither `before` had nor were `given`."""
    old = {*union(before), *given}
    return {digest: count for digest, count in union(after).items() if digest not in old}


def smaller(part: int, whole: int) -> float:
    """Return by how many percent `part` is smaller than `whole`; negative where it is larger."""
    return 100.0 * (whole - part) / whole if whole else 0.0


def differences(
    own: Mapping[str, int], twin: Mapping[str, int], shown: int = 3
) -> tuple[Sequence[tuple[str, int]], Sequence[tuple[str, int]]]:
    """Return what the twin has more of, and what the image has more of: (group, bytes), the largest first.

    The arguments are bytes by group of files; at most `shown` groups each, small differences left out.
    """
    delta = {group: twin.get(group, 0) - own.get(group, 0) for group in {*own, *twin}}
    ordered = sorted(delta.items(), key=lambda item: (-abs(item[1]), item[0]))
    large = [(group, count) for group, count in ordered if abs(count) >= SHOWN_BYTES]
    more = [(group, count) for group, count in large if count > 0][:shown]
    less = [(group, -count) for group, count in large if count < 0][:shown]
    return more, less
