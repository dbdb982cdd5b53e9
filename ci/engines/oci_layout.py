"""An image's normalised config as an OCI layout without its layers, for a store that has them already.

Buildah's history names what an image was built from by local names and ids, so two builds of one plan differ
there and nowhere else. A copy into the store finds every layer by its digest and writes only config and
manifest: the image's id is then the digest of a config that says nothing of the machine.

Source: OCI image-spec 1.1, image-layout.md, manifest.md and config.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ci.names.digest import Digest, bare_digest

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
COPIED = re.compile(r"(?<=\(nop\) )((?:COPY|ADD) )(?:file|dir|multi):[0-9a-f]{64} (?=in )")
"""What Buildah records of a step that copies files, with the digest of a tar of them."""
BLOBS = "blobs/sha256"
"""The folder of a layout with everything that is named by its digest."""
LAYER = "application/vnd.oci.image.layer.v1.tar"


def normalised(config: dict[str, Any]) -> dict[str, Any]:
    """Return an OCI image config whose history says nothing of the machine.

    Comments name parents by local names, and the digest of copied files depends on the name of their owner
    on this machine. The history itself stays: Buildah counts layers by it when it builds on the image.
    """
    history = [
        {name: value for name, value in entry.items() if name not in ("comment", "author")}
        for entry in config.get("history") or ()
    ]
    for entry in history:
        if "created_by" in entry:
            entry["created_by"] = COPIED.sub(r"\1", entry["created_by"])
    return {**config, "history": history}


def with_layers(
    config: dict[str, Any], layers: Sequence[tuple[str, int]], replaced: Mapping[str, tuple[str, int]]
) -> tuple[dict[str, Any], tuple[tuple[str, int], ...]]:
    """Return config and layers (DiffID, bytes) with others in the place of those that are `replaced`."""
    found = tuple(replaced.get(diff_id, (diff_id, size)) for diff_id, size in layers)
    rootfs = {**config["rootfs"], "diff_ids": [diff_id for diff_id, _ in found]}
    return {**config, "rootfs": rootfs}, found


def diff_ids_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the DiffIDs of the layers of an OCI image config, the lowest first."""
    return tuple(map(str, (config.get("rootfs") or {}).get("diff_ids") or ()))


def unpacked_layers(
    manifest: Mapping[str, Any], config: Mapping[str, Any]
) -> tuple[tuple[str, int], ...] | None:
    """Return (DiffID, bytes unpacked) of each layer, None where `manifest` has compressed layers.

    An uncompressed layer has its DiffID as its digest. Source: OCI image-spec 1.1, config.md, Layer DiffID.
    """
    layers = tuple((str(layer["digest"]), int(layer["size"])) for layer in manifest.get("layers") or ())
    return layers if tuple(digest for digest, _ in layers) == diff_ids_of(config) else None


def unpacked_sizes(folder: Path) -> list[int]:
    """Return the bytes of each layer of an image that skopeo wrote to `folder` without compression.

    Source: containers-transports(5), `dir:`.
    """
    manifest = json.loads((folder / "manifest.json").read_text())
    return [(folder / bare_digest(str(layer["digest"]))).stat().st_size for layer in manifest["layers"]]


def write_layout(folder: Path, config: dict[str, Any], layers: Sequence[tuple[str, int]]) -> str:
    """Write the image of `config` and `layers` (DiffID, bytes of its tar) to `folder` and return its id.

    The layers themselves are not written.
    """
    blobs = folder / BLOBS
    blobs.mkdir(parents=True, exist_ok=True)

    def write(value: object, kind: str) -> dict[str, object]:
        content = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        sha = hashlib.sha256(content).hexdigest()
        (blobs / sha).write_bytes(content)
        return {"mediaType": kind, "digest": str(Digest(sha)), "size": len(content)}

    config_entry = write(config, CONFIG)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config_entry,
        "layers": [{"mediaType": LAYER, "digest": digest, "size": size} for digest, size in layers],
    }
    index = {"schemaVersion": 2, "manifests": [write(manifest, MANIFEST)]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return bare_digest(str(config_entry["digest"]))
