"""What a registry reports about the images of a plan: layers, configs and compressed sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci.plan.plan import Plan
from ci.registry.cache import RegistryCache
from ci.registry.key_artifact import KeyArtifact
from ci.registry.manifest import Manifest, read_manifest
from ci.report.budget.metrics import Layers
from ci.run.reuse.remote_cache import wanted

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient


COMPRESSED = ("gzip", "zstd")
"""The ends of the types of compressed layers. Source: OCI image-spec 1.1, layer.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What a registry has, by `image:variant`.

    `layers` are (DiffID, bytes unpacked) by the key artifact; without an image whose key artifact has sizes
    of compressed layers. `configs` are digests, `compressed` the bytes of the layers as they are sent.
    """

    layers: Mapping[str, Layers] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)
    compressed: Mapping[str, int] = field(default_factory=dict)


def _has_compressed_sizes(artifact: KeyArtifact, manifest: Manifest) -> bool:
    """Whether the layers of a key artifact are those of the manifest, which are compressed."""
    if not any(layer.type.endswith(COMPRESSED) for layer in manifest.layers):
        return False
    same = {digest for digest, _ in artifact.layers} & {layer.digest for layer in manifest.layers}
    return bool(same) or sum(size for _, size in artifact.layers) == manifest.compressed_bytes


async def registered(client: RegistryClient, plan: Plan, say: Callable[[str], None]) -> Registered:
    """Return what the registry has of `plan`. Its faults are reported as warnings, and ignored.

    Raises:
        RegistryError: the registry has an image and does not give its manifest.
    """
    cache = RegistryCache(client=client)
    found = await cache.look_up([wanted(planned) for planned in plan.images])
    for warning in found.warnings():
        say(f"warning: {warning}")
    compressed: dict[str, int] = {}
    layers: dict[str, Layers] = {}
    for id_, artifact in found.available.items():
        image = plan.get(id_).image.image
        scope, repository = cache.scope((image,)), client.namespace.repository(image)
        data = await client.manifest(repository, artifact.image, scope=scope)
        manifest = read_manifest(data, id_)
        compressed[id_] = manifest.compressed_bytes
        if _has_compressed_sizes(artifact, manifest):
            say(
                f"warning: {id_}: its unpacked size is not known, since its key artifact has the sizes of "
                "compressed layers"
            )
        else:
            layers[id_] = artifact.layers
    return Registered(
        layers=layers,
        configs={id_: one.config for id_, one in found.available.items()},
        compressed=compressed,
    )
