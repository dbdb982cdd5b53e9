"""What is wrong with a Dagger engine that a run builds with."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagger

    from ci.engines.dagger.cache import CacheLimits

ROOT_USER = "0:0"
FREE = ("df", "--output=avail", "--block-size=1", "/")
"""Prints the free bytes of the disk that the engine has its cache on, below a header."""
CERTIFICATES = "etc/ssl/certs/*"
FRESH = "DOCKWRIGHT_FRESH"
"""A variable that no step reads, set where a result from the cache won't do."""
INJECTED = (
    "the engine copies certificates of its own into every container that runs: that takes time, and links to "
    "them stay in the layers. Empty its ca-certificates folder, and give them with --ca where they are needed"
)


async def injects_certificates(container: dagger.Container) -> bool:
    """Whether running anything in an image leaves links to certificate authorities in it.

    Dagger does so where its own folder of them is not empty, and they stay in the layer.
    """
    before = await container.rootfs().glob(CERTIFICATES)
    after = await container.with_user(ROOT_USER).with_exec(["true"]).rootfs().glob(CERTIFICATES)
    return set(before) != set(after)


async def cache_warning(
    client: dagger.Client, container: dagger.Container, limits: CacheLimits | None
) -> str:
    """Return why the engine's disk leaves too little space for its cache; empty where it does not.

    `container` is of any image that has df; `limits` are None where this process may not ask for them.
    """
    if limits is None or limits.min_free_bytes == 0:
        return ""
    container = fresh(container).with_user(ROOT_USER)
    free_bytes = int((await container.with_exec(list(FREE)).stdout()).split()[-1])
    if free_bytes >= limits.min_free_bytes:
        return ""
    used_bytes = await client.engine().local_cache().entry_set().disk_space_bytes()
    return limits.crowded(free_bytes=free_bytes, used_bytes=used_bytes)


def fresh(container: dagger.Container) -> dagger.Container:
    """Return a container in which the next program runs even where the cache has its result."""
    return container.with_env_variable(FRESH, uuid.uuid4().hex)
