"""The images of a release, read from the cache by the digest in their key artifact, not by tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci.errors import RegistryError
from ci.registry.key_artifact import DOCUMENT_LIMIT_BYTES, KEY, read_document
from ci.registry.manifest import OCI, read_manifest, refuse_large_layers

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An image of the cache: its tag, its whole key, the digest of its manifest and that of its config."""

    image: str
    variant: str
    tag: str
    key: str
    digest: str
    config: str


async def read_source(client: RegistryClient, source: Source, *, scope: Sequence[str]) -> bytes:
    """Return the manifest of an image, after a check that its config and its key label are the expected ones.

    Raises:
        RegistryError: the registry gives no answer, or it is another image than the one of this key.
    """
    repository = client.namespace.repository(source.image)
    what = client.namespace.reference(source.image, tag=source.tag)
    data = await client.manifest(repository, source.digest, scope=scope)
    manifest = read_manifest(data, what)
    if manifest.type != OCI:
        raise RegistryError("corrupt", f"{what}: its manifest is not an OCI manifest ({manifest.type})")
    if manifest.config.digest != source.config:
        raise RegistryError("corrupt", f"{what}: its config is not the one in its key artifact")
    refuse_large_layers(manifest, what)
    text = await client.blob(repository, source.config, scope=scope, limit_bytes=DOCUMENT_LIMIT_BYTES)
    if _label(read_document(text, what)) != source.key:
        raise RegistryError("corrupt", f"{what}: its label has another key")
    return data


def _label(config: dict[str, object]) -> object:
    """Return the key in the labels of an image's config; the label has the name of the annotation."""
    inner = config.get("config")
    labels = inner.get("Labels") if isinstance(inner, dict) else None
    return labels.get(KEY) if isinstance(labels, dict) else None
