"""Tags that no release moves any more: of images that the current release lacks, and an earlier one had."""

from __future__ import annotations

import anyio

from ci.errors import RegistryError
from ci.publish.release import CURRENT, REPOSITORY
from ci.publish.releases import Releases
from ci.registry.retry import AT_ONCE


async def stale_tags(releases: Releases) -> tuple[str, ...]:
    """Return each `IMAGE:VARIANT` that is there though the current release has no such image.

    Raises:
        RegistryError: there is no current release, or a release can't be read.
    """
    client, namespace = releases.client, releases.client.namespace
    scope = releases.scope((), writes=False)
    _, images = await releases.read()
    had: set[tuple[str, str]] = set()
    faults: list[RegistryError] = []
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def read(version: str) -> None:
        async with limiter:
            try:
                _, there = await releases.read(version, scope=scope)
            except RegistryError as error:
                if error.answer in ("unauthorised", "unreachable"):
                    faults.append(error)
                return  # a tag that names no release
        had.update((one.image, one.variant) for one in there)

    async with anyio.create_task_group() as group:
        for version in await client.tags(namespace.repository(REPOSITORY), scope=scope):
            if version != CURRENT:
                group.start_soon(read, version)
    if faults:
        raise faults[0]
    gone = sorted(had - {(one.image, one.variant) for one in images})
    scope = releases.scope([image for image, _ in gone], writes=False)
    return tuple(
        [
            f"{namespace}/{image}:{variant}"
            for image, variant in gone
            if await client.find_digest(namespace.repository(image), variant, scope=scope) is not None
        ]
    )
