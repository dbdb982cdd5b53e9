"""What a run needs of a way to build the stack."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from bench.peers.meter import Meter
from bench.peers.sizes import Layers

Built = Callable[[str], None]
"""Called with the id of each image that is there, while nothing is measured."""


class Way(Protocol):
    """Builds images of one stack directory; images are named by their ids, `image:variant`."""

    @property
    def root(self) -> Path:
        """The folder of everything that it keeps; there once `begin` was called."""
        ...

    @property
    def name(self) -> str:
        """The letter that tables call it by."""
        ...

    def clear(self) -> None:
        """Remove all that it keeps."""
        ...

    def begin(self) -> None:
        """Make everything of it as it is before anything was built."""
        ...

    def build(self, ids: Sequence[str], meter: Meter, built: Built) -> None:
        """Bring the images `ids` up to date; parents stand before children in it.

        Raises:
            Failed: not all of them are there; the others are.
        """
        ...

    def layers(self, id_: str) -> Layers | None:
        """Return the layers of an image, None where it is not there."""
        ...

    def contents(self, id_: str) -> dict[str, int]:
        """Return the bytes of an image's files by group; nothing where it can't tell."""
        ...

    def evict(self, keep: Collection[str]) -> None:
        """Remove the images of the stack that are not in `keep`, and large things cached beside them."""
        ...

    def parents(self, ids: Collection[str]) -> set[str]:
        """Return the images that must be there while `ids` are still to be built, one after another."""
        ...

    def given(self) -> Collection[str]:
        """Return the digests of layers that were there before anything was built."""
        ...
