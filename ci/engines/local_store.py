"""The image store of an engine whose files are on this machine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ci.engines.store_state import StoreState

DEFAULT_ROOT = "/var/lib/containers/storage"
"""The root of the store of root where none is named. Source: containers-storage.conf(5), `graphroot`."""


def default_root(environ: Mapping[str, str], *, rootless: bool) -> str:
    """Return the root of the store where none is named; with `rootless` that of a user without root."""
    if not rootless:
        return DEFAULT_ROOT
    data = environ.get("XDG_DATA_HOME") or f"{Path.home()}/.local/share"
    return f"{data}/containers/storage"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """An image of the store; one without `names` is an intermediate, or lost its name to a newer one.

    `layers` are (id, bytes unpacked) from the lowest up; images share layers of one id.
    """

    id: str
    names: tuple[str, ...] = ()
    layers: tuple[tuple[str, int], ...] = ()

    @property
    def unpacked_bytes(self) -> int:
        """Bytes of all its layers, unpacked."""
        return sum(size for _, size in self.layers)


class LocalStore(Protocol):
    """What can be read and changed in a store beyond what every engine does with its images."""

    async def state(self, ids: Sequence[str]) -> StoreState:
        """Return whether the store's files are complete, with layer stamps of `ids`.

        `ids` are those of layers, or of images: then of all their layers.
        """
        ...

    async def stored_images(self) -> tuple[StoredImage, ...]:
        """Return all images, also those without a name, with the layers that they share."""
        ...

    async def remove_images(self, *images: str) -> tuple[str, ...]:
        """Remove images by name or id and return the ids of all that were removed.

        By a name only that name is removed while the image has others. An image's base image is removed with
        it where it has no name and no other image needs it.

        Raises:
            CommandError: at least one is in use, or is the base image of another; the others are removed.
        """
        ...

    async def remove_damaged(self, images: Sequence[str]) -> None:
        """Remove images by id with all their names, whatever is missing of their layers."""
        ...

    async def compressed_layers(
        self, image: str, diff_ids: Sequence[str], known: Collection[str]
    ) -> dict[str, int]:
        """Return the bytes, as zstd, of those layers of an image that are not `known`, by DiffID.

        Raises:
            CommandError: the image can't be read.
        """
        ...

    async def copy_layer_records(self, folder: Path) -> None:
        """Copy `layers.json` and the tar-split file of each layer into `folder`, readable for everyone.

        Source: containers/storage, overlay-layers.
        """
        ...
