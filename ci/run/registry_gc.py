"""Looking through a registry for what it needs no longer, and removing that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio

from ci.catalog.stack import Stack
from ci.errors import CatalogError, RegistryError
from ci.registry.hygiene import CACHED, Stale, Tagged, choose, choose_wheels
from ci.registry.manifest import digest_of, index_digests, read_manifest
from ci.registry.patience import AT_ONCE
from ci.registry.side import CREATED
from ci.registry.wheel_set import set_tag
from ci.registry.wheel_store import REPOSITORY as WHEELHOUSE
from ci.registry.wheels import wheel_tag
from ci.run.gc import KINDS, kept_names
from ci.wheelhouse.choose import wheelhouse_input

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient

Say = Callable[[str], None]


async def registry_survey(
    client: RegistryClient, stack: Stack, *, older_than: timedelta
) -> tuple[tuple[Stale, ...], int]:
    """Return what can go of the images of `stack` in a registry, and how many tags were looked at.

    Raises:
        RegistryError: not all of it can be looked at, so that nothing may be chosen.
    """
    images = sorted({image.image for image in stack.images})
    wheels = client.place.repository(WHEELHOUSE)
    tagged: list[Tagged] = []
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def look(repository: str, name: str) -> None:
        async with limiter:
            found = await _tagged(client, repository, name)
        if found is not None:
            tagged.append(found)

    async with anyio.create_task_group() as group:
        for image in (*images, WHEELHOUSE):
            repository = client.place.repository(image)
            for name in await client.tags(repository, scope=_scope(repository)):
                group.start_soon(look, repository, name)
    now = datetime.now(UTC)
    current = {name.rpartition(":")[2] for name in kept_names(stack)}
    stale = choose(
        [one for one in tagged if one.repository != wheels], current, now=now, older_than=older_than
    )
    stale += choose_wheels(
        [one for one in tagged if one.repository == wheels],
        _wheel_tags(stack),
        now=now,
        older_than=older_than,
    )
    return stale, len(tagged)


def _wheel_tags(stack: Stack) -> set[str]:
    """Return the tags of the wheels that the present locks name, on either kind of base."""
    found = set()
    for kind in KINDS:
        for variant in stack.variants:
            try:
                wanted = wheelhouse_input(stack, variant, kind)
            except CatalogError:  # no digest of the base is locked
                continue
            found |= {set_tag(wanted["input"]), *(wheel_tag(key) for key in wanted["builds"].values())}
    return found


async def registry_remove(client: RegistryClient, stale: Sequence[Stale], say: Say) -> int:
    """Remove what was chosen and return how many images went; one that does not go is told to `say`."""
    gone = 0
    for one in stale:
        scope = (f"repository:{one.repository}:pull,push,delete",)
        try:
            for each in one.digests:
                await client.remove(one.repository, each, scope=scope)
        except RegistryError as error:
            say(f"{client.place.host}/{one.repository}:{one.tag} does not go: {error}")
            continue
        gone += 1
    return gone


async def _tagged(client: RegistryClient, repository: str, name: str) -> Tagged | None:
    """Return what a tag names; None where it is gone, or a cache tag of what is no image.

    Raises:
        RegistryError: a tag that is no cache tag can't be read, so what it needs is not known.
    """
    what = f"{client.place.host}/{repository}:{name}"
    try:
        data = await client.manifest(repository, name, scope=_scope(repository))
    except RegistryError as error:
        if error.answer == "absent":
            return None
        raise
    try:
        manifest = read_manifest(data, what)
    except RegistryError:
        if CACHED.fullmatch(name):
            return None
        named = index_digests(data, what)
        return Tagged(
            repository=repository, tag=name, digest=digest_of(data), config="", blobs={}, named=named
        )
    return Tagged(
        repository=repository,
        tag=name,
        digest=manifest.digest,
        config=manifest.config.digest,
        blobs={blob.digest: blob.size for blob in (manifest.config, *manifest.layers)},
        created=_time(manifest.annotations.get(CREATED, "")),
    )


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _scope(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull",)
