"""Releases of images of a few bytes, each with a layer of its own and one that all share."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from ci.names.digest import digest_of
from ci.publish.release import CURRENT, Push, Put, Released
from ci.publish.releases import Releases
from ci.publish.source import Source
from ci.registry.client import RegistryClient
from ci.registry.credentials import Credentials
from ci.registry.manifest import OCI, read_manifest
from ci.registry.reply import Reply
from ci.registry.request import RegistryRequest
from ci.registry.retry import RetryPolicy
from tests.registry.cached import CONFIG_TYPE, opened, wanted

NOTES = {"org.opencontainers.image.revision": "f00"}
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+zstd"
COUNT = 3


@asynccontextmanager
async def releases_at(
    host: str, credentials: Credentials | None = None, retry_policy: RetryPolicy | None = None
) -> AsyncIterator[Releases]:
    async with opened(host, credentials, retry_policy) as (cache, said):
        yield Releases(client=cache.client, say=said.append)


async def pushed(client: RegistryClient, note: str, count: int = COUNT) -> list[Source]:
    """Push `count` images under their cache tags, all with a layer of their own and one that they share."""
    found = []
    for number in range(count):
        one = wanted(number)
        repository = client.namespace.repository(one.image)
        scope = (f"repository:{repository}:pull,push",)

        async def blob(type_: str, data: bytes, to: str = repository, of: Any = scope) -> dict[str, Any]:
            digest = await client.add_blob(to, data, scope=of)
            return {"mediaType": type_, "digest": digest, "size": len(data)}

        config = {"note": note, "image": one.id, "config": {"Labels": {"org.dockwright.key": one.key}}}
        value = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": await blob(CONFIG_TYPE, json.dumps(config).encode()),
            "layers": [
                await blob(LAYER_TYPE, f"shared {note}".encode() * 1000),
                await blob(LAYER_TYPE, f"{one.id} {note}".encode() * 1000),
            ],
        }
        data = json.dumps(value).encode()
        await client.put_manifest(repository, one.tag, data, OCI, scope=scope)
        found.append(source_of(number, data))
    return found


def source_of(number: int, manifest: bytes) -> Source:
    """Return what the key document of the image `manifest` says."""
    one, config = wanted(number), read_manifest(manifest, "").config.digest
    return Source(
        image=one.image,
        variant="cpu",
        tag=one.tag,
        key=one.key,
        digest=digest_of(manifest),
        config=config,
    )


async def released(releases: Releases, note: str, count: int = COUNT) -> tuple[Released, ...]:
    return await releases.images(await pushed(releases.client, note, count), {**NOTES, "note": note})


def digests(images: tuple[Released, ...]) -> dict[str, str]:
    return {one.id: one.digest for one in images}


async def seen(releases: Releases) -> dict[str, str]:
    """Return what the current release names; none of it is missing in the registry, not a byte."""
    _, images = await releases.read_release()
    for one in images:
        manifest = read_manifest(one.data, one.id)
        for layer in (manifest.config, *manifest.layers):
            data = await releases.client.blob(
                "team/release", layer.digest, scope=releases.scope((), writes=False), limit_bytes=layer.size
            )
            assert len(data) == layer.size
    return digests(images)


def commit_of(requests: tuple[Push, ...]) -> int:
    """Return how many requests go before the one that makes a release."""
    return next(n for n, one in enumerate(requests) if isinstance(one, Put) and one.reference == CURRENT)


class BrokenOffError(Exception):
    """Stands for a kill: nothing is caught, nothing is put right."""


@contextmanager
def broken_off(client: RegistryClient, after: int) -> Iterator[list[bool]]:
    """Let what is done here end after that many requests that change something; yield whether it did."""
    ended: list[bool] = []

    def end() -> None:
        ended.append(True)
        raise BrokenOffError

    with suppress(BrokenOffError), acting(client, after, end):
        yield ended


@contextmanager
def acting(client: RegistryClient, after: int, act: Callable[[], None]) -> Iterator[None]:
    """Let `act` happen once, when that many requests that change something have been answered."""
    once, left = type(client)._once, after

    async def count(self: RegistryClient, request: RegistryRequest, *words: Any) -> Reply:
        nonlocal left
        reply = await once(self, request, *words)
        if request.method not in ("HEAD", "GET") and self is client and reply.status < 300:
            left -= 1
            if left == 0:
                act()
        return reply

    type(client)._once = count  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        type(client)._once = once  # type: ignore[method-assign]
