"""What the files of a store say of its images, beside what its engine says: whether they are whole. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """A look at a store; see ci/engines/program/store_state.py.

    `faults` are of the store's own lists. `names` and `chains` are those of each image by its id, the lowest
    layer first; `broken` says what is wrong with an image; `marks` change with the content of a layer;
    `layers` are all.
    """

    root: str
    faults: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]
    chains: Mapping[str, tuple[str, ...]]
    broken: Mapping[str, str]
    marks: Mapping[str, str]
    layers: frozenset[str]

    @property
    def ids(self) -> dict[str, str]:
        """The ids of all images by whole name: as Buildah lists them, which adds up every layer to do so."""
        return {name: id_ for id_, names in self.names.items() for name in names}

    def damage(self, known: Mapping[str, str]) -> dict[str, str]:
        """Return what is wrong by image id; `known` are the marks that layers had when they were made."""
        changed = {layer for layer, mark in self.marks.items() if known.get(layer, mark) != mark}
        found = dict(self.broken)
        for image, chain in self.chains.items():
            other = [layer for layer in chain if layer in changed]
            if other and image not in found:
                found[image] = f"layer {other[0][:12]} was changed after it was made"
        return found


def parse_store_state(root: str, text: str) -> StoreState:
    """Return the look that the program printed for the store at `root`."""
    value = json.loads(text)
    return StoreState(
        root=root,
        faults=tuple(value["faults"]),
        names={id_: tuple(image["names"]) for id_, image in value["images"].items()},
        chains={id_: tuple(image["layers"]) for id_, image in value["images"].items()},
        broken={id_: image["fault"] for id_, image in value["images"].items() if image["fault"]},
        marks=value["marks"],
        layers=frozenset(value["layers"]),
    )
