"""Which images a run builds, and which of them each scenario builds. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bench.peers.plain import chain
from ci.catalog.stack import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is changed and built again.

    `pins` names the file of bench/peers/pins with what is pinned anew; `images` restricts it to some images
    of the scope (empty: all of the root image's variant); `needs` is an image without which it says nothing.
    """

    name: str
    title: str
    once: bool = False
    pins: str = ""
    program: bool = False
    images: tuple[str, ...] = ()
    needs: str = ""


COLD = "from-nothing"
STAGE = "subtitle-gen:cpu"
"""The image whose program one scenario changes."""
BASE_IMAGES = ("base-ml:cpu", "silero-vad:cpu", "subtitle-gen:cpu", "tmdb:cpu")
TORCH_IMAGES = ("base-ml:cuda", "silero-vad:cuda")
"""The part of the stack that the two dearest changes are measured on; what they stand on comes along."""

SCENARIOS = (
    Scenario(name=COLD, title="from nothing", once=True),
    Scenario(name="nothing", title="nothing changed"),
    Scenario(name="program", title="one program", program=True, needs=STAGE),
    Scenario(name="leaf", title="one small requirement in a leaf", pins="leaf", needs="tmdb:cpu"),
    Scenario(name="base", title="one small requirement in base", pins="base", images=BASE_IMAGES),
    Scenario(
        name="torch", title="a torch bump", once=True, pins="torch", images=TORCH_IMAGES, needs="base-ml:cuda"
    ),
    Scenario(name="fallback", title="CPU stages with torch from the default index", once=True),
)
FALLBACK = ("silero-vad",)
"""The stages whose CPU requirements are replaced by the CUDA ones where the scope has no CUDA."""


def scope(stack: Stack, words: Sequence[str]) -> tuple[str, ...]:
    """Return the ids that `words` name, with all they stand on, in the order of the stack.

    A word is `all`, a variant, an image (its variant of the root image) or `image:variant`.

    Raises:
        SystemExit: a word names nothing.
    """
    wanted: set[str] = set()
    first = stack.images[0].variant
    for word in words:
        found = {
            image.id
            for image in stack.images
            if word in {"all", image.variant, image.id} or (word == image.image and image.variant == first)
        }
        if not found:
            known = ", ".join(dict.fromkeys(image.image for image in stack.images))
            raise SystemExit(
                f"--scope {word}: no such image; known: all, {', '.join(stack.variants)}, {known}"
            )
        wanted |= found
    return closed(stack, wanted)


def closed(stack: Stack, ids: Collection[str]) -> tuple[str, ...]:
    """Return `ids` with all they stand on, in the order of the stack."""
    wanted = {below.id for id_ in ids for below in chain(stack, stack.get(id_))}
    return tuple(image.id for image in stack.images if image.id in wanted)


def images_of(stack: Stack, scenario: Scenario, ids: Sequence[str]) -> tuple[str, ...]:
    """Return the images of the scope `ids` that `scenario` builds; none where it says nothing there."""
    if scenario.name == COLD:
        return tuple(ids)
    if scenario.needs and scenario.needs not in ids:
        return ()
    if scenario.name == "fallback":
        return fallbacks(stack, ids)
    if scenario.images:
        return closed(stack, [id_ for id_ in scenario.images if id_ in ids] or ids[:1])
    return short(stack, ids)


def short(stack: Stack, ids: Sequence[str]) -> tuple[str, ...]:
    """Return the images of the scope that stay in every store: those of the root image's variant."""
    return tuple(id_ for id_ in ids if stack.get(id_).variant == stack.images[0].variant)


def fallbacks(stack: Stack, ids: Sequence[str]) -> tuple[str, ...]:
    """Return the large twins of the CPU stages in the scope that are built for comparison alone."""
    known = {image.id for image in stack.images}
    return tuple(
        f"{name}:{variant}"
        for name in FALLBACK
        for variant in stack.variants
        if f"{name}:{stack.images[0].variant}" in ids
        and f"{name}:{variant}" in known
        and f"{name}:{variant}" not in ids
    )
