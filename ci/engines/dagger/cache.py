"""How much cache a Dagger engine keeps, by its own settings and by the free space on its disk.

Source: Dagger 0.21.8, dagql/cache_prune.go: what is over `maxUsedSpace` goes; where less than `minFreeSpace`
is free, as much goes as is missing, whoever has filled the disk, and `reservedSpace` does not protect it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagger

MIN_KEPT_BYTES = 20 * 10**9
"""With less than this the CUDA variants' layers push each other out of the cache."""
GB = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLimits:
    """The limits in the engine's settings; 0 is no limit."""

    most_bytes: int
    reserved_bytes: int
    min_free_bytes: int

    @property
    def size_warning(self) -> str:
        """Why the cache is too small on any disk, as a sentence; empty where it is not."""
        if self.most_bytes == 0 or max(self.most_bytes, self.reserved_bytes) >= MIN_KEPT_BYTES:
            return ""
        return (
            f"the engine keeps at most {self.most_bytes / GB:.0f} GB of cache, and removes the rest at once: "
            "what is reused today is built again tomorrow. Set gc.maxUsedSpace, gc.reservedSpace and "
            "gc.minFreeSpace in its engine.json (docs/dagger.md)"
        )

    def crowded(self, *, free_bytes: int, used_bytes: int) -> str:
        """Return why a disk is too full for a cache of `used_bytes`, as a sentence; empty where it is not."""
        missing_bytes = self.min_free_bytes - free_bytes
        kept_bytes = max(0, used_bytes - missing_bytes)
        if missing_bytes <= 0 or kept_bytes >= MIN_KEPT_BYTES:
            return ""
        return (
            f"{free_bytes / GB:.0f} GB are free on the engine's disk, and it empties its cache until "
            f"{self.min_free_bytes / GB:.0f} GB are, whoever has filled the disk: {kept_bytes / GB:.0f} GB "
            "of cache stay, and what is reused today is built again tomorrow. Free disk space there, or set "
            "gc.minFreeSpace in its engine.json (docs/dagger.md)"
        )


async def cache_limits(client: dagger.Client) -> CacheLimits:
    """Return the limits of the engine of a session; only who opened the session may ask."""
    cache = client.engine().local_cache()
    return CacheLimits(
        most_bytes=await cache.max_used_space(),
        reserved_bytes=await cache.reserved_space(),
        min_free_bytes=await cache.min_free_space(),
    )
