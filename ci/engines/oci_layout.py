"""An image's normalised config as an OCI layout without its layers, for a store that has them already.

Buildah's history names what an image was built from by local names and ids, so two builds of one plan differ
there and nowhere else. A copy into the store finds every layer by its digest and writes only config and
manifest: the image's id is then the digest of a config that says nothing of the machine.

Source: OCI image-spec 1.1, image-layout.md, manifest.md and config.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ci.names.digest import Digest, bare_digest

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def normalised(config: dict[str, Any]) -> dict[str, Any]:
    """Return an OCI image config without the comments of its history.

    The history itself stays: Buildah counts layers by it when it builds on the image.
    """
    history = [
        {name: value for name, value in entry.items() if name not in ("comment", "author")}
        for entry in config.get("history") or ()
    ]
    return {**config, "history": history}


def write_layout(folder: Path, config: dict[str, Any], layers: Sequence[tuple[str, int]]) -> str:
    """Write the image of `config` and `layers` (DiffID, bytes of its tar) to `folder` and return its id.

    The layers themselves are not written.
    """
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

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
