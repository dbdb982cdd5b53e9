"""The key artifact of a cached image: its key document and its digests. Pure.

An image `k-HEX` counts as available only together with the artifact `k-HEX.key`, which is written after it
and names its digest. So an image that was pushed in part, or another image, is never reused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ci.bounded.parse import parse_json
from ci.errors import RegistryError
from ci.names.digest import is_digest
from ci.registry.artifact import CREATED, artifact_manifest
from ci.registry.manifest import MOST_LAYERS, Blob, Manifest
from ci.registry.outside import list_in, read_object, size_of

ARTIFACT_TYPE = "application/vnd.dockwright.key.v1+json"
DOCUMENT_LIMIT_BYTES = 8 * 2**20
KEY, IMAGE = "org.dockwright.key", "org.dockwright.image"
CONFIG, LAYERS = "org.dockwright.config", "org.dockwright.layers"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyArtifact:
    """What is known about an image without downloading it.

    `image` is the digest of its manifest, `config` that of its config; `layers` are (DiffID, bytes unpacked).
    """

    key: str
    image: str
    config: str
    layers: tuple[tuple[str, int], ...]


def key_artifact_tag(tag: str) -> str:
    """Return the tag of the key artifact of the image `tag`."""
    return f"{tag}.key"


def gzip_tag(tag: str) -> str:
    """Return the tag of the image `tag` with gzip layers."""
    return f"{tag}.gz"


def smoke_tag(tag: str, name: str) -> str:
    """Return the tag of the check results of the image `tag`; `name` names the suite and the machine."""
    return f"{tag}.smoke-{name}"


def key_artifact_manifest(artifact: KeyArtifact, document: Blob, created: str) -> bytes:
    """Return the manifest of a key artifact with that document; `created` is an ISO 8601 time, for `gc`."""
    annotations = {
        KEY: artifact.key,
        IMAGE: artifact.image,
        CONFIG: artifact.config,
        CREATED: created,
        LAYERS: json.dumps(artifact.layers, separators=(",", ":")),
    }
    return artifact_manifest(ARTIFACT_TYPE, (document,), annotations)


def read_key_artifact(manifest: Manifest, key: str, what: str) -> KeyArtifact:
    """Return the key artifact of the image with this key.

    Raises:
        RegistryError: corrupt: it is not a key artifact, or it is the one of another key.
    """
    notes = manifest.annotations
    if notes.get(KEY) != key:
        raise RegistryError("corrupt", f"{what}: has the key {notes.get(KEY, 'none')[:12]}, not {key[:12]}")
    try:
        layers = tuple(map(_layer, list_in(parse_json(notes.get(LAYERS, "")), LAYERS, MOST_LAYERS)))
        found = KeyArtifact(key=key, image=notes[IMAGE], config=notes[CONFIG], layers=layers)
    except (ValueError, KeyError) as error:
        raise RegistryError("corrupt", f"{what}: its annotations are not those of a key artifact") from error
    if not all(map(is_digest, (found.image, found.config, *(diff_id for diff_id, _ in layers)))):
        raise RegistryError("corrupt", f"{what}: one of its annotations is not a valid digest")
    return found


def _layer(value: Any) -> tuple[str, int]:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        raise ValueError("a layer is not a DiffID and a size")
    return value[0], size_of(value[1], value[0])


def read_document(data: bytes, what: str) -> dict[str, Any]:
    """Return the key document.

    Raises:
        RegistryError: corrupt: it is not a JSON object.
    """
    return read_object(data, what)
