"""Inspecting a registry for what its retention policy removes, and removing that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio

from ci.catalog.stack import Stack
from ci.errors import CatalogError, RegistryError
from ci.names.digest import digest_of
from ci.names.reference import parse_reference
from ci.publish.release import METRICS, read_index
from ci.publish.release import REPOSITORY as RELEASE
from ci.registry.artifact import CREATED
from ci.registry.manifest import index_digests, read_manifest
from ci.registry.retry import AT_ONCE
from ci.registry.wheel_set import set_tag
from ci.registry.wheel_store import REPOSITORY as WHEELHOUSE
from ci.registry.wheels import wheel_tag
from ci.run.gc.local import retained_names
from ci.run.gc.registry_choice import CACHED, Stale, Tagged, choose
from ci.run.workspace.base_kind import KINDS
from ci.wheelhouse.input_document import wheelhouse_input

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient

Say = Callable[[str], None]
T = TypeVar("T")


async def registry_survey(
    client: RegistryClient, stack: Stack, *, older_than: timedelta, keep_bytes: int | None = None
) -> tuple[tuple[Stale, ...], int]:
    """Return what can be removed of the images of `stack` in a registry, and how many tags were inspected.

    All that a release names is retained, also while tags of that release are missing or wrong.

    Raises:
        RegistryError: not all of it can be inspected, so that nothing may be chosen.
    """
    now = datetime.now(UTC)
    images = sorted({image.image for image in stack.images})
    release = client.namespace.repository(RELEASE)
    names = [
        (repository, name)
        for repository in map(client.namespace.repository, (*images, WHEELHOUSE))
        for name in await client.tags(repository, scope=_scope(repository))
    ]
    versions = [
        name for name in await client.tags(release, scope=_scope(release)) if not name.endswith(METRICS)
    ]
    inspected = await _at_once([partial(_tagged, client, *name, now) for name in names])
    released = await _at_once([partial(_released, client, version) for version in versions])
    needed = await _at_once([partial(_in_release, client, *one) for one in frozenset().union(*released)])
    tagged = [one for one in inspected if one is not None]
    current = {parse_reference(name).tag for name in retained_names(stack)} | _wheel_tags(stack)
    stale = choose(
        [*tagged, *needed],
        current,
        wheels=client.namespace.repository(WHEELHOUSE),
        older_than_s=older_than.total_seconds(),
        keep_bytes=keep_bytes,
    )
    return stale, len(tagged)


async def _at_once(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Make all calls, at most `AT_ONCE` at the same time, and return their values, in any order.

    Raises:
        RegistryError: a call raised it.
    """
    found: list[T] = []
    errors: list[RegistryError] = []
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def make(call: Callable[[], Awaitable[T]]) -> None:
        async with limiter:
            if errors:
                return
            try:
                found.append(await call())
            except RegistryError as error:
                errors.append(error)

    async with anyio.create_task_group() as group:
        for call in calls:
            group.start_soon(make, call)
    if errors:
        raise errors[0]
    return found


async def _released(client: RegistryClient, version: str) -> frozenset[tuple[str, str]]:
    """Return the images of a release, each with its digest.

    Raises:
        RegistryError: it can't be read, so what it needs is not known.
    """
    repository = client.namespace.repository(RELEASE)
    try:
        data = await client.manifest(repository, version, scope=_scope(repository))
    except RegistryError as error:
        if error.answer == "absent":
            return frozenset()
        raise
    _, images = read_index(data, client.namespace.reference(RELEASE, tag=version))
    return frozenset((one.image, one.digest) for one in images)


async def _in_release(client: RegistryClient, image: str, digest: str) -> Tagged:
    """Return an image that a release names, as if a tag of its own repository named it.

    Raises:
        RegistryError: its manifest is missing, so what it needs is not known.
    """
    repository = client.namespace.repository(RELEASE)
    try:
        data = await client.manifest(repository, digest, scope=_scope(repository))
        manifest = read_manifest(data, client.namespace.reference(RELEASE, digest=digest))
    except RegistryError as error:
        raise RegistryError(
            error.answer,
            f"{error.message}. A release names this image, and what it needs is not known, so nothing is "
            "removed",
            hint=error.hint,
        ) from error
    return Tagged(
        repository=client.namespace.repository(image),
        tag=digest,
        digest=digest,
        config=manifest.config.digest,
        blobs={blob.digest: blob.size for blob in (manifest.config, *manifest.layers)},
    )


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
    """Remove what was chosen and return how many images were removed; report errors through `say`."""
    removed = 0
    for one in stale:
        scope = (f"repository:{one.repository}:pull,push,delete",)
        try:
            for each in one.digests:
                await client.remove(one.repository, each, scope=scope)
        except RegistryError as error:
            say(f"{client.namespace.host}/{one.repository}:{one.tag} was not removed: {error}")
            continue
        removed += 1
    return removed


async def _tagged(client: RegistryClient, repository: str, name: str, now: datetime) -> Tagged | None:
    """Return what a tag names; None where the tag is missing, or is a cache tag and names no image.

    Raises:
        RegistryError: a tag that is no cache tag can't be read, so what it needs is not known.
    """
    what = f"{client.namespace.host}/{repository}:{name}"
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
        age_s=_age_s(manifest.annotations.get(CREATED, ""), now),
    )


def _age_s(text: str, now: datetime) -> float | None:
    """Return the seconds since the time `text` (ISO 8601 with a time zone); None where it is no such text."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (now - found).total_seconds() if found.tzinfo is not None else None


def _scope(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull",)
