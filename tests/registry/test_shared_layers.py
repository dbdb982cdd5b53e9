"""The large layers of a parent go to a registry once, whatever number of images has them."""

from __future__ import annotations

import pytest

from ci.registry.manifest import read_manifest
from tests.registry.cached import opened
from tests.registry.machine import CHECKOUT, HERE, Machine
from tests.registry.proxy import Proxy

pytestmark = pytest.mark.engine
STAGES = ("silero-vad", "diarization")
LARGE_BYTES = 5 * 10**6


async def test_layers_that_images_share_are_sent_once_and_mounted(proxy: Proxy) -> None:
    machine = Machine(HERE, CHECKOUT / "docker")
    place = f"{proxy.host}/team"
    words = [f"{stage}:cpu" for stage in STAGES]
    done = machine.dockwright("build", *words, "--registry", place, "--cache", "read-write")
    assert done.returncode == 0, done.stdout + done.stderr
    sent = sum(one.got for one in proxy.seen)
    repositories = ("base", "base-ml", *STAGES)
    layers: dict[str, int] = {}
    owners: dict[str, set[str]] = {}
    async with opened(proxy.host) as (cache, _):
        for repository in repositories:
            name = f"team/{repository}"
            for tag in await cache.client.tags(name, scope=()):
                if tag.endswith(".key"):
                    continue
                manifest = read_manifest(await cache.client.manifest(name, tag, scope=()), name)
                for layer in manifest.layers:
                    layers[layer.digest] = layer.size
                    owners.setdefault(layer.digest, set()).add(repository)
    large = [digest for digest, size in layers.items() if size > LARGE_BYTES and "base-ml" in owners[digest]]
    assert len(large) >= 2
    assert all(owners[digest] >= set(STAGES) for digest in large)
    assert sum(layers.values()) < sent < 1.05 * sum(layers.values())
