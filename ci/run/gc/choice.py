"""What can go and why: images, files of the houses, records, temporary files. Pure; nothing is looked at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ci.engines.buildah.store import StoredImage
from ci.names.image_id import ImageId
from ci.names.reference import find_reference, parse_reference

Kind = Literal["image", "intermediate", "file", "folder"]

SUPERSEDED = "no plan of this checkout names its key"
GONE = "the stack has no such image any more"
UNNAMED = "has layers that no named image needs"
ALL = "asked for with --all"
UNLOCKED = "no lock of this stack names it"
STALE_HOUSE = "made from other locks; what these locks name stays"
UNFINISHED = "a fetch that did not end"
TEMPORARY = "temporary, and no run is going on"
OLD_PLACE = "an earlier version kept this here"
NO_IMAGE = "record or lock of an image that is gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that can go. `name` is an image's name or id, or an absolute path; `size_bytes` is freed."""

    kind: Kind
    name: str
    size_bytes: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainedSet:
    """What of the store stays.

    Attributes:
        namespace: of the stack; images of others are foreign and never go.
        ids: `image:variant` of the stack.
        names: cache names of the present plan's keys, of the base and of the builder.
        builder: whether the builder's name is known; else every builder stays.
        alone: whether the store is dockwright's own, so that images without names are too.
    """

    namespace: str
    ids: Collection[str]
    names: Collection[str]
    builder: bool = True
    alone: bool = True

    def own(self, image: StoredImage) -> tuple[str, ...]:
        """Return the names of an image that are the stack's."""
        return tuple(name for name in image.names if name.startswith(f"{self.namespace}/"))

    def why_not(self, name: str) -> str:
        """Return why a name of the stack can go; empty where it stays."""
        if name in self.names:
            return ""
        own = parse_reference(name)
        image = own.image_in(self.namespace)
        if own.tag.startswith("k-"):
            return "" if image == "builder" and not self.builder else SUPERSEDED
        return "" if str(ImageId(image, own.tag)) in self.ids else GONE


def choose_images(
    stored: Iterable[StoredImage],
    kept: RetainedSet,
    *,
    ours: Collection[str] = (),
    everything: bool = False,
) -> tuple[Item, ...]:
    """Return what of the store can go, each with the bytes that are freed once all before it are gone.

    An image that has the human name of an image of the stack stays, whatever its key: it is what was built
    last. Names that others gave stay, and with them the image. An image without a name goes when it has
    layers that no other image which stays needs. In a store that is shared with other programs, only those of
    `ours` (ids) do. They come in the order in which they can be removed: the store lists what an image was
    made on before it.
    """
    images = tuple(stored)
    losing: dict[str, str] = {}
    for image in images:
        own = kept.own(image)
        reasons = [ALL if everything else kept.why_not(name) for name in own]
        # a name beside those that others gave frees nothing, so it goes only with everything
        if own and all(reasons) and (everything or own == image.names):
            losing[image.id] = GONE if GONE in reasons else reasons[0]
    going = {image.id for image in images if image.id in losing and kept.own(image) == image.names}
    needed = {id_ for image in images if image.names and image.id not in going for id_, _ in image.layers}
    if not kept.alone:
        needed |= {
            id_ for image in images if not image.names and image.id not in ours for id_, _ in image.layers
        }
    unnamed = [
        image
        for image in images
        if not image.names and any(id_ not in needed and size for id_, size in image.layers)
    ]
    items: list[Item] = []
    freed: set[str] = set()
    for image in sorted((one for one in images if one.id in losing), key=lambda one: one.names):
        size = _freed(image, needed, freed) if image.id in going else 0
        items += [
            Item(kind="image", name=name, size_bytes=size if number == 0 else 0, why=losing[image.id])
            for number, name in enumerate(sorted(kept.own(image)))
        ]
    why = ALL if everything else UNNAMED
    items += [
        Item(kind="intermediate", name=image.id, size_bytes=_freed(image, needed, freed), why=why)
        for image in reversed(unnamed)
    ]
    return tuple(items)


def _freed(image: StoredImage, needed: Collection[str], freed: set[str]) -> int:
    own = {id_: size for id_, size in image.layers if id_ not in needed and id_ not in freed}
    freed.update(own)
    return sum(own.values())


def choose_records(records: Iterable[tuple[str, str, int]], names: Collection[str]) -> tuple[Item, ...]:
    """Return those of `records` (path, cache tag, bytes) whose image is neither there nor planned.

    `names` are the image names that are there and stay, and those of the plan.
    """
    tags = {found.tag for name in names if (found := find_reference(name)) is not None}
    return tuple(
        Item(kind="file", name=path, size_bytes=size, why=NO_IMAGE)
        for path, tag, size in records
        if tag not in tags
    )


def choose_content_files(
    files: Iterable[tuple[str, str, int]], locked: Collection[str], compiled: Mapping[str, str]
) -> tuple[Item, ...]:
    """Return the fetched files that no lock names: of each (path, sha256, bytes).

    `locked` are the sha256s that locks name, `compiled` the sha256 of each wheel that was made of a present
    sdist, by its wheel-build key.
    """
    stay = {*locked, *compiled.values()}
    return tuple(
        Item(kind="file", name=path, size_bytes=size, why=UNLOCKED)
        for path, sha256, size in files
        if sha256 not in stay
    )
