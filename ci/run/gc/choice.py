"""What can be deleted on this machine, and why: images, downloads, records, temporary files. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ci.engines.local_store import StoredImage
from ci.names.image_id import ImageId
from ci.names.reference import find_reference, parse_reference

Kind = Literal["image", "intermediate", "file", "folder"]

SUPERSEDED = "no plan of this checkout names its key"
NOT_IN_STACK = "the stack no longer has this image"
UNNAMED = "has layers that no named image uses"
ALL = "asked for with --all"
UNLOCKED = "no lock of this stack names it"
STALE_PACKAGES = "made from other locks; files that the present locks name are kept"
INCOMPLETE = "an incomplete download"
DAMAGED = "a damaged part of the state directory"
TEMPORARY = "temporary, and no run is active"
OLD_FOLDER = "only earlier versions of dockwright use it"
NO_IMAGE = "record or lock of an image that no longer exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to delete. `name` is an image's name or id, or an absolute path; `size_bytes` is freed."""

    kind: Kind
    name: str
    size_bytes: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainedSet:
    """What is retained in the store.

    Attributes:
        namespace: of the stack; images of other namespaces are never deleted.
        ids: `image:variant` of the stack.
        names: cache names of the present plan's keys, of the base and of the builder.
        builder: whether the builder's name is known; else every builder is retained.
        alone: whether the store is dockwright's own, so that images without names are dockwright's too.
    """

    namespace: str
    ids: Collection[str]
    names: Collection[str]
    builder: bool = True
    alone: bool = True

    def own(self, image: StoredImage) -> tuple[str, ...]:
        """Return the names of an image that are in the stack's namespace."""
        return tuple(name for name in image.names if name.startswith(f"{self.namespace}/"))

    def reason_to_remove(self, name: str) -> str:
        """Return why a name of the stack can be removed; empty where it is retained."""
        if name in self.names:
            return ""
        own = parse_reference(name)
        image = own.image_in(self.namespace)
        if own.tag.startswith("k-"):
            return "" if image == "builder" and not self.builder else SUPERSEDED
        return "" if str(ImageId(image, own.tag)) in self.ids else NOT_IN_STACK


def choose_images(
    stored: Iterable[StoredImage],
    retained: RetainedSet,
    *,
    ours: Collection[str] = (),
    everything: bool = False,
) -> tuple[Item, ...]:
    """Return what can be deleted of the store, in an order that works, with the bytes that each then frees.

    An image with the human name of an image of the stack is retained, whatever its key: it is the last build.
    Names that other programs gave are retained, and so are their images. An image without a name is deleted
    if it has layers that no retained image uses. In a store that is shared with other programs, only those
    in `ours` (ids) are. The store lists an image after the ones that it was built on.
    """
    images = tuple(stored)
    chosen: dict[str, str] = {}
    for image in images:
        own = retained.own(image)
        reasons = [ALL if everything else retained.reason_to_remove(name) for name in own]
        # removing one of several names frees nothing, so that is done only with everything
        if own and all(reasons) and (everything or own == image.names):
            chosen[image.id] = NOT_IN_STACK if NOT_IN_STACK in reasons else reasons[0]
    deleted = {image.id for image in images if image.id in chosen and retained.own(image) == image.names}
    needed = {id_ for image in images if image.names and image.id not in deleted for id_, _ in image.layers}
    if not retained.alone:
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
    for image in sorted((one for one in images if one.id in chosen), key=lambda one: one.names):
        size = _freed(image, needed, freed) if image.id in deleted else 0
        items += [
            Item(
                kind="image",
                name=name,
                size_bytes=size if number == 0 else 0,
                reason=chosen[image.id],
            )
            for number, name in enumerate(sorted(retained.own(image)))
        ]
    reason = ALL if everything else UNNAMED
    items += [
        Item(kind="intermediate", name=image.id, size_bytes=_freed(image, needed, freed), reason=reason)
        for image in reversed(unnamed)
    ]
    return tuple(items)


def _freed(image: StoredImage, needed: Collection[str], freed: set[str]) -> int:
    own = {id_: size for id_, size in image.layers if id_ not in needed and id_ not in freed}
    freed.update(own)
    return sum(own.values())


def choose_records(records: Iterable[tuple[str, str, int]], names: Collection[str]) -> tuple[Item, ...]:
    """Return those of `records` (path, cache tag, bytes) whose image is neither in the store nor planned.

    `names` are the image names that are retained in the store, and those of the plan.
    """
    tags = {found.tag for name in names if (found := find_reference(name)) is not None}
    return tuple(
        Item(kind="file", name=path, size_bytes=size, reason=NO_IMAGE)
        for path, tag, size in records
        if tag not in tags
    )


def choose_content_files(
    files: Iterable[tuple[str, str, int]], locked: Collection[str], compiled: Mapping[str, str]
) -> tuple[Item, ...]:
    """Return the downloaded files, as (path, sha256, bytes), that no lock names.

    `locked` are the sha256s in locks. `compiled` is the sha256 of each wheel that was compiled from a present
    sdist, by its wheel-build key.
    """
    retained = {*locked, *compiled.values()}
    return tuple(
        Item(kind="file", name=path, size_bytes=size, reason=UNLOCKED)
        for path, sha256, size in files
        if sha256 not in retained
    )
