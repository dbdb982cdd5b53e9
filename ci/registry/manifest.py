"""Manifests from a registry, validated when they are read. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ci.errors import RegistryError
from ci.names.digest import digest_of, short_digest
from ci.registry.outside import digest_in, list_in, read_object, size_of, texts_in

OCI = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPT = ", ".join((OCI, DOCKER, INDEX, LIST))
LIMIT_BYTES = 4 * 2**20
"""No manifest is larger. Source: OCI distribution-spec 1.1, section Pushing Manifests."""
MOST_LAYERS = 512
MOST_MANIFESTS = 10_000
MOST_LAYER_BYTES = 10 * 10**9
"""The largest layer of GitHub's registry. Source: its documentation, Working with the Container registry."""
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A descriptor: what a manifest names."""

    type: str
    digest: str
    size: int
    title: str = ""
    """Its file name, in the manifests of artifacts; it is written and never read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An image's manifest, or an artifact's; `digest` is that of the bytes it was read from."""

    digest: str
    size: int
    type: str
    config: Blob
    layers: tuple[Blob, ...]
    annotations: dict[str, str]

    @property
    def compressed_bytes(self) -> int:
        """Bytes of all layers, compressed as they are in the registry."""
        return sum(layer.size for layer in self.layers)


def refuse_large_layer(digest: str, size: int, what: str) -> None:
    """Refuse a layer that is too large for registries; `what` names its image in messages.

    Raises:
        RegistryError: corrupt: it is too large.
    """
    if size > MOST_LAYER_BYTES:
        raise RegistryError(
            "corrupt",
            f"{what}: the layer {short_digest(digest)}… has {size / 10**9:.1f} GB, and registries accept at "
            f"most {MOST_LAYER_BYTES // 10**9}",
            hint="split it by `layers` in its image.toml",
        )


def refuse_large_layers(manifest: Manifest, what: str) -> None:
    """Refuse an image with a layer that is too large for registries.

    Raises:
        RegistryError: corrupt: a layer is too large.
    """
    for layer in manifest.layers:
        refuse_large_layer(layer.digest, layer.size, what)


def read_manifest(data: bytes, what: str) -> Manifest:
    """Return the manifest that `data` is; `what` names it in messages.

    Raises:
        RegistryError: corrupt: it is not the manifest of an image, or not a valid one.

    Source: OCI image-spec 1.1, manifest.md and descriptor.md.
    """

    def refuse(why: str) -> RegistryError:
        return RegistryError("corrupt", f"{what}: {why}")

    if len(data) > LIMIT_BYTES:
        raise refuse(f"more than {LIMIT_BYTES // 2**20} MiB, the limit of a manifest")
    value = read_object(data, what)
    type_ = value.get("mediaType") or OCI
    if value.get("schemaVersion") != 2 or type_ not in (OCI, DOCKER):
        raise refuse(f"a manifest of an unknown kind ({str(type_)[:80]!r})")
    try:
        return Manifest(
            digest=digest_of(data),
            size=len(data),
            type=str(type_),
            config=_blob(value.get("config")),
            layers=tuple(_blob(layer) for layer in list_in(value.get("layers"), "layers", MOST_LAYERS)),
            annotations=texts_in(value.get("annotations"), "annotations"),
        )
    except ValueError as error:
        raise refuse(str(error)) from error


def index_digests(data: bytes, what: str) -> frozenset[str]:
    """Return the digests of the manifests that an index, or a Docker manifest list, names.

    Raises:
        RegistryError: corrupt: it is neither of them.
    """
    value = read_object(data, what)
    try:
        named = list_in(value.get("manifests"), "manifests", MOST_MANIFESTS)
        return frozenset(digest_in(one.get("digest") if isinstance(one, dict) else None) for one in named)
    except ValueError as error:
        raise RegistryError("corrupt", f"{what}: neither an image nor an index ({error})") from error


def _blob(value: Any) -> Blob:
    if not isinstance(value, dict):
        raise ValueError("a descriptor is not an object")  # noqa: TRY004 one kind of error for what is read
    type_ = value.get("mediaType")
    if not isinstance(type_, str) or not _TYPE.fullmatch(type_):
        raise ValueError("a descriptor without a media type")
    digest = digest_in(value.get("digest"))
    return Blob(type=type_, digest=digest, size=size_of(value.get("size"), digest))
