"""Images for the tests of the cache: a manifest of nothing, under the tags that an image has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from ci.names.digest import digest_of
from ci.registry.cache import RegistryCache, Wanted
from ci.registry.client import RegistryClient
from ci.registry.connect import open_registry
from ci.registry.credentials import Credentials
from ci.registry.key_artifact import KeyArtifact
from ci.registry.manifest import OCI
from ci.registry.namespace import RegistryNamespace
from ci.registry.retry import RetryPolicy

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER = digest_of(b"layer")


def wanted(number: int = 0) -> Wanted:
    key = hashlib.sha256(str(number).encode()).hexdigest()
    return Wanted(f"image-{number}:cpu", f"image-{number}", f"k-{key[:32]}", key)


def quick(**more: float) -> RetryPolicy:
    return RetryPolicy(pause_s=0.01, answer_s=more.pop("answer_s", 5.0), **more)  # type: ignore[arg-type]


@asynccontextmanager
async def opened(
    host: str,
    credentials: Credentials | None = None,
    retry_policy: RetryPolicy | None = None,
    namespace: str = "team",
) -> AsyncIterator[tuple[RegistryCache, list[str]]]:
    """Yield the cache at `host`, and what it says."""
    said: list[str] = []
    place = RegistryNamespace(host, namespace)
    async with open_registry(place, credentials, retry_policy or quick(), said.append) as client:
        yield RegistryCache(client=client, writes=True), said


async def push(client: RegistryClient, one: Wanted, note: str = "") -> KeyArtifact:
    """Store an image with an empty config and no layers, as an engine does; return what is to stand by it."""
    repository = client.namespace.repository(one.image)
    scope = (f"repository:{repository}:pull,push",)
    config = json.dumps({"note": note, "image": one.id}).encode()
    digest = await client.add_blob(repository, config, scope=scope)
    value = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest,
            "size": len(config),
        },
        "layers": [],
    }
    data = json.dumps(value).encode()
    await client.put_manifest(repository, one.tag, data, OCI, scope=scope)
    return KeyArtifact(key=one.key, image=digest_of(data), config=digest, layers=((LAYER, 5),))


async def add(cache: RegistryCache, one: Wanted) -> KeyArtifact:
    beside = await push(cache.client, one)
    await cache.add(one, beside, {"schema": 1, "image": one.id})
    return beside


async def pass_off(host: str, before: Wanted, after: Wanted) -> None:
    """Let the image of one key stand under another one too, with a key document that says so."""
    async with opened(host) as (cache, _):
        beside = await cache.find(before)
        assert beside is not None
        repository = cache.client.namespace.repository(before.image)
        data = await cache.client.manifest(repository, before.tag, scope=())
        await cache.client.put_manifest(repository, after.tag, data, OCI, scope=())
        await cache.add(after, replace(beside, key=after.key), {"schema": 1})
