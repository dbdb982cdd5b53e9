"""What a registry reports about the images of a plan: layers, configs and compressed sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci.plan.plan import Plan
from ci.registry.cache import RegistryCache
from ci.registry.manifest import read_manifest
from ci.report.budget.metrics import Layers
from ci.run.reuse.remote_cache import wanted

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """Layers, config digests and compressed bytes of a registry's images, by `image:variant`."""

    layers: Mapping[str, Layers] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)
    compressed: Mapping[str, int] = field(default_factory=dict)


async def registered(client: RegistryClient, plan: Plan, say: Callable[[str], None]) -> Registered:
    """Return what the registry has of `plan`. Its faults are reported as warnings, and ignored.

    Raises:
        RegistryError: the registry has an image and does not give its manifest.
    """
    cache = RegistryCache(client=client)
    found = await cache.look_up([wanted(planned) for planned in plan.images])
    for warning in found.warnings():
        say(f"warning: {warning}")
    compressed = {}
    for id_, artifact in found.available.items():
        image = plan.get(id_).image.image
        scope, repository = cache.scope((image,)), client.namespace.repository(image)
        data = await client.manifest(repository, artifact.image, scope=scope)
        compressed[id_] = sum(layer.size for layer in read_manifest(data, id_).layers)
    return Registered(
        layers={id_: one.layers for id_, one in found.available.items()},
        configs={id_: one.config for id_, one in found.available.items()},
        compressed=compressed,
    )
