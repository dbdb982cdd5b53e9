"""The manifest of an artifact in a registry: files that are not layers of an image. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ci.names.digest import digest_of
from ci.registry.manifest import OCI, Blob

EMPTY = b"{}"
EMPTY_BLOB = Blob(type="application/vnd.oci.empty.v1+json", digest=digest_of(EMPTY), size=len(EMPTY))
"""What an artifact without a config, or without files, names. Its bytes have to be in the repository."""
CREATED = "org.opencontainers.image.created"
TITLE = "org.opencontainers.image.title"
"""A file's name, under which `oras pull` and `skopeo copy … dir:` write it."""


def artifact_manifest(type_: str, files: Sequence[Blob], annotations: Mapping[str, str]) -> bytes:
    """Return the manifest of an artifact of this type.

    Source: OCI image-spec 1.1, Guidance for an Empty Descriptor.
    """
    value = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "artifactType": type_,
        "config": _descriptor(EMPTY_BLOB),
        "layers": [_descriptor(file) for file in files],
        "annotations": dict(annotations),
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _descriptor(blob: Blob) -> dict[str, object]:
    value: dict[str, object] = {"mediaType": blob.type, "digest": blob.digest, "size": blob.size}
    return {**value, "annotations": {TITLE: blob.title}} if blob.title else value
