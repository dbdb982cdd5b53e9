"""A world whose engine has a disk, and settings that say how much of it its cache may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLInt

from ci.engines.dagger.health import FREE
from tests.dagger.session import Call
from tests.dagger.world import Stage

GraphQLInt.coerce_output_value = int  # Dagger's has 64 bits, GraphQL's own 32


@dataclass(slots=True)
class Disk(Stage):
    """What the settings say of the cache, what is free on the disk, and what the cache takes of it."""

    most_bytes: int = 0
    min_free_bytes: int = 0
    free_bytes: int = 10**12
    used_bytes: int = 0

    def leaf(self, calls: tuple[Call, ...]) -> Any:
        (*before, (name, _)) = calls
        if name == "stdout" and before[-1][1]["args"] == list(FREE):
            self.run(tuple(before))
            return f"Avail\n{self.free_bytes}\n"
        figures = {
            "maxUsedSpace": self.most_bytes,
            "minFreeSpace": self.min_free_bytes,
            "diskSpaceBytes": self.used_bytes,
        }
        return figures[name] if name in figures else Stage.leaf(self, calls)
