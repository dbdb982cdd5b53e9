"""A release with gzip layers: the same images, compressed once, and readable by an older Docker."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import zstandard

from ci.errors import RegistryError
from ci.names.digest import digest_of
from ci.publish.gzip_layers import GZIP, ZSTD, GzipLayers
from ci.publish.releases import Releases
from ci.publish.source import Source
from ci.registry.cache import Wanted
from ci.registry.client import RegistryClient
from ci.registry.manifest import OCI, Manifest, read_manifest
from tests.engine.docker_daemon import daemon
from tests.engine.killed_stack import change, killed_stack
from tests.registry.cached import CONFIG_TYPE, opened, wanted
from tests.registry.machine import HERE, Machine
from tests.registry.proxy import Fault, Proxy

pytestmark = pytest.mark.engine
SHARED = b"shared" * 50_000


def tar(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("content")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


async def push(client: RegistryClient, one: Wanted, *contents: bytes) -> Source:
    """Store an image with zstd layers of these contents."""
    repository = client.namespace.repository(one.image)
    scope = (f"repository:{repository}:pull,push",)
    tars = [tar(content) for content in contents]
    diffs = [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in tars]
    labels = {"Labels": {"org.dockwright.key": one.key}}
    config = json.dumps({"config": labels, "rootfs": {"type": "layers", "diff_ids": diffs}}).encode()
    layers = []
    for data in tars:
        packed = zstandard.ZstdCompressor().compress(data)
        digest = await client.add_blob(repository, packed, scope=scope)
        layers.append({"mediaType": ZSTD, "digest": digest, "size": len(packed)})
    named = await client.add_blob(repository, config, scope=scope)
    entry = {"mediaType": CONFIG_TYPE, "digest": named, "size": len(config)}
    value = {"schemaVersion": 2, "mediaType": OCI, "config": entry, "layers": layers}
    data = json.dumps(value).encode()
    await client.put_manifest(repository, one.tag, data, OCI, scope=scope)
    return Source(
        image=one.image,
        variant="cpu",
        tag=one.tag,
        key=one.key,
        digest=digest_of(data),
        config=named,
    )


@pytest_asyncio.fixture
async def releases(proxy: Proxy) -> AsyncIterator[tuple[Releases, list[str]]]:
    async with opened(proxy.host) as (cache, said):
        yield Releases(client=cache.client, say=said.append), said


async def read(releases: Releases, reference: str) -> Manifest:
    image, _, tag = reference.partition(":")
    return read_manifest(await releases.client.manifest(f"team/{image}", tag, scope=()), reference)


async def test_layers_are_gzip_and_each_is_compressed_once(
    releases: tuple[Releases, list[str]], proxy: Proxy
) -> None:
    released, said = releases
    client = released.client
    sources = [await push(client, wanted(n), SHARED, f"own {n}".encode() * 1000) for n in range(3)]
    images = await released.images(sources, {}, GzipLayers(client=client, say=said.append))
    await released.publish("1.0", images)
    assert await released.verify() == ()
    assert len([line for line in said if "compresses" in line]) == 1 + 3
    for source in sources:
        before = await read(released, f"{source.image}:{source.tag}")
        after = await read(released, f"{source.image}:cpu-1.0")
        assert after.config == before.config
        assert {layer.type for layer in after.layers} == {GZIP}
        for old, new in zip(before.layers, after.layers, strict=True):
            packed = await client.blob(f"team/{source.image}", old.digest, scope=(), limit_bytes=10**7)
            other = await client.blob(f"team/{source.image}", new.digest, scope=(), limit_bytes=10**7)
            plain = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
            assert gzip.decompress(other) == plain
            assert other[3:9] == bytes(5) + b"\x00"  # no name, no time

    proxy.seen.clear()
    said.clear()
    again = await released.images(sources, {}, GzipLayers(client=client, say=said.append))
    assert again == images
    assert said == []
    assert {one.method for one in proxy.seen} == {"GET"}
    assert proxy.count("GET", "/blobs/") == len(sources)  # their configs, and no layer


async def test_a_layer_with_other_bytes_is_not_released(
    releases: tuple[Releases, list[str]], proxy: Proxy
) -> None:
    released, said = releases
    source = await push(released.client, wanted(0), SHARED)
    proxy.faults.append(Fault("other-bytes", method="GET", path="/blobs/"))
    with pytest.raises(RegistryError, match="what was downloaded has another digest"):
        await released.images([source], {}, GzipLayers(client=released.client, say=said.append))
    assert proxy.count("PUT", "[.]gz$") == 0
    assert await released.images([source], {}, GzipLayers(client=released.client, say=said.append))


async def test_what_is_gzip_of_another_image_is_made_anew(releases: tuple[Releases, list[str]]) -> None:
    released, said = releases
    one = wanted(0)
    other = await push(released.client, one, b"other")
    await released.images([other], {}, GzipLayers(client=released.client, say=said.append))
    source = await push(released.client, one, SHARED)
    (image,) = await released.images([source], {}, GzipLayers(client=released.client, say=said.append))
    mine = await read(released, f"{one.image}:{one.tag}")
    assert read_manifest(image.data, one.id).config == mine.config


def test_an_older_docker_pulls_a_release_with_gzip_layers(proxy: Proxy, tmp_path: Path) -> None:
    machine = Machine(HERE, killed_stack(tmp_path / "small"))
    change(machine.stack, str(tmp_path))
    place = f"{proxy.host}/team"
    words = ("publish", "--variant", "cpu", "--registry", place, "--bootstrap-base")
    refused = machine.dockwright(*words, "--version", "1.0", "--compression", "gzip", "--dry-run")
    assert refused.returncode == 2, refused.stderr
    done = machine.dockwright(*words, "--version", "1.0", "--compression", "gzip")
    assert done.returncode == 0, done.stderr
    assert "base: compresses " in done.stderr
    with daemon(tmp_path / "docker") as docker:
        docker.run("pull", "--quiet", f"{place}/kill-one:cpu")
        found = json.loads(docker.run("inspect", f"{place}/kill-one:cpu"))
    assert found[0]["Config"]["Labels"]["org.dockwright.key"]
