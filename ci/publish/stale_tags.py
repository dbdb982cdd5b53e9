"""Stale tags: of images that an earlier release has and the current one has not. No release moves them."""

from __future__ import annotations

import anyio

from ci.errors import RegistryError
from ci.publish.release import CURRENT, REPOSITORY
from ci.publish.releases import Releases
from ci.registry.retry import AT_ONCE


async def stale_tags(releases: Releases) -> tuple[str, ...]:
    """Return the references of all stale tags, sorted.

    Raises:
        RegistryError: there is no current release, or the registry gives no answer.
    """
    client, namespace = releases.client, releases.client.namespace
    scope = releases.scope((), writes=False)
    _, images = await releases.read()
    earlier_images: set[tuple[str, str]] = set()
    errors: list[RegistryError] = []
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def read(version: str) -> None:
        async with limiter:
            try:
                _, earlier = await releases.read(version, scope=scope)
            except RegistryError as error:
                if error.answer in ("unauthorised", "unreachable"):
                    errors.append(error)
                return  # not the tag of a release
        earlier_images.update((one.image, one.variant) for one in earlier)

    async with anyio.create_task_group() as group:
        for version in await client.tags(namespace.repository(REPOSITORY), scope=scope):
            if version != CURRENT:
                group.start_soon(read, version)
    if errors:
        raise errors[0]
    missing = sorted(earlier_images - {(one.image, one.variant) for one in images})
    scope = releases.scope([image for image, _ in missing], writes=False)
    return tuple(
        [
            namespace.reference(image, tag=variant)
            for image, variant in missing
            if await client.find_digest(namespace.repository(image), variant, scope=scope) is not None
        ]
    )
