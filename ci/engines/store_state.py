"""The state of a store's files: whether its images are complete, which its engine does not check. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ci.errors import StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """What ci/engines/program/store_state.py found in a store.

    Attributes:
        root: the store's folder.
        errors: what is wrong with the store's own lists, a sentence each.
        names: those of each image, by its id.
        chains: the layers of each image, the lowest first, by its id.
        broken: what is wrong with an image, by its id.
        unfinished: ids of broken images that may be being written now: their manifest is missing.
        stamps: the stamp of a layer, which changes with its content, by its id.
        layers: the ids of all layers.
    """

    root: str
    errors: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]
    chains: Mapping[str, tuple[str, ...]]
    broken: Mapping[str, str]
    unfinished: frozenset[str]
    stamps: Mapping[str, str]
    layers: frozenset[str]

    @property
    def ids(self) -> dict[str, str]:
        """The ids of all images by full name; Buildah adds up the size of every layer to list them."""
        return {name: id_ for id_, names in self.names.items() for name in names}

    def damage(self, known: Mapping[str, str]) -> dict[str, str]:
        """Return what is wrong by image id; `known` are the stamps that layers had when they were made."""
        changed = {layer for layer, stamp in self.stamps.items() if known.get(layer, stamp) != stamp}
        found = dict(self.broken)
        for image, chain in self.chains.items():
            other = [layer for layer in chain if layer in changed]
            if other and image not in found:
                found[image] = f"layer {other[0][:12]} was changed after it was made"
        return found


def damaged_store(root: str, errors: Iterable[str]) -> StoreError:
    """Return the error of a store whose own lists are damaged."""
    return StoreError(
        f"the store is damaged, and its content is not known: {'; '.join(errors)}",
        hint=f"move {root} away, or remove it with its owner's rights by "
        f"`umount {root}/overlay; rm -rf {root}`; then build again",
    )


def parse_store_state(root: str, text: str) -> StoreState:
    """Return what the program printed for the store at `root`."""
    value = json.loads(text)
    return StoreState(
        root=root,
        errors=tuple(value["errors"]),
        names={id_: tuple(image["names"]) for id_, image in value["images"].items()},
        chains={id_: tuple(image["layers"]) for id_, image in value["images"].items()},
        broken={id_: image["error"] for id_, image in value["images"].items() if image["error"]},
        unfinished=frozenset(id_ for id_, image in value["images"].items() if image["unfinished"]),
        stamps=value["stamps"],
        layers=frozenset(value["layers"]),
    )
