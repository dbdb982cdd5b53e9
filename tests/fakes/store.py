"""The store of an engine in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anyio.lowlevel import checkpoint

from ci.engines.local_store import StoredImage
from ci.engines.store_state import StoreState
from ci.errors import EngineError
from ci.names.reference import LOCAL
from tests.fakes.image import LAYER_BYTES

if TYPE_CHECKING:
    from tests.fakes.engine import FakeEngine


@dataclass(frozen=True, slots=True)
class FakeStore:
    """The store of a `FakeEngine`."""

    engine: FakeEngine

    async def state(self, ids: Sequence[str]) -> StoreState:
        await checkpoint()
        names: dict[str, list[str]] = {}
        for name, id_ in self.engine.names.items():
            names.setdefault(id_, []).append(f"{LOCAL}{name}")
        images = self.engine.stored
        layers = frozenset(layer for one in images.values() for layer, _ in one.layers)
        state = StoreState(
            root="/fake",
            errors=self.engine.errors,
            names={id_: tuple(own) for id_, own in names.items()},
            chains={id_: tuple(layer for layer, _ in one.layers) for id_, one in images.items()},
            broken=dict(self.engine.broken),
            unfinished=frozenset(),
            stamps={one: "changed" if one in self.engine.changed_layers else "as made" for one in layers},
            layers=layers,
        )
        self.engine.on_state()
        return state

    async def stored_images(self) -> tuple[StoredImage, ...]:
        await checkpoint()
        names = self.engine.names.items()
        return tuple(
            StoredImage(id=id_, names=tuple(name for name, own in names if own == id_), layers=image.layers)
            for id_, image in self.engine.stored.items()
        )

    async def remove_images(self, *images: str) -> tuple[str, ...]:
        ids = {self.engine.names.get(image, image) for image in images}
        await self.remove_damaged(sorted(ids))
        return tuple(sorted(ids))

    async def remove_damaged(self, images: Sequence[str]) -> None:
        await checkpoint()
        for id_ in images:
            self.engine.calls.append(("remove_damaged", self.engine.stored.pop(id_).folder))
            self.engine.broken.pop(id_, None)
            names = self.engine.names
            self.engine.names = {name: own for name, own in names.items() if own != id_}

    async def compressed_layers(
        self, image: str, diff_ids: Sequence[str], known: Collection[str]
    ) -> dict[str, int]:
        await checkpoint()
        return dict.fromkeys(set(diff_ids) - set(known), LAYER_BYTES // 2)

    async def copy_layer_records(self, folder: Path) -> None:
        raise EngineError("this store has no records of layers")
