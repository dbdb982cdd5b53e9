"""A root file system's tar as an OCI archive: an image of one layer that any engine imports.

Source: OCI image-spec 1.1, image-layout.md, manifest.md and config.md; an archive is the layout as a tar.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

from ci.engines.oci_layout import CONFIG, LAYER, MANIFEST
from ci.names.digest import digest_of
from ci.names.file_digest import file_digest


def write_archive(root: Path, target: Path, env: Mapping[str, str], cmd: tuple[str, ...]) -> None:
    """Write the image of the tar `root`, whole or not at all, to `target`; equal inputs give equal bytes."""
    layer = file_digest(root)
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {"Env": [f"{name}={value}" for name, value in sorted(env.items())], "Cmd": list(cmd)},
            "rootfs": {"type": "layers", "diff_ids": [layer]},
            "history": [{"created": "1970-01-01T00:00:00Z"}],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _entry(CONFIG, config),
            "layers": [{"mediaType": LAYER, "digest": layer, "size": root.stat().st_size}],
        }
    )
    index = _json({"schemaVersion": 2, "manifests": [_entry(MANIFEST, manifest)]})
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(archive, "index.json", index)
        for content in (config, manifest):
            _add(archive, _blob(digest_of(content)), content)
        member = tarfile.TarInfo(_blob(layer))
        member.size = root.stat().st_size
        with root.open("rb") as stream:
            archive.addfile(member, stream)
    part.replace(target)


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _entry(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
