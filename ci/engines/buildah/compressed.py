"""How large layers are as they are pushed, without a registry: skopeo compresses them as for a push."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from ci.engines.buildah.engine import BuildahEngine

SHA256 = "sha256:"


async def compressed_layers(
    engine: BuildahEngine, image: str, diff_ids: Sequence[str], known: Collection[str]
) -> dict[str, int]:
    """Return the bytes as zstd of those layers of an image, by id, that are not `known`, by DiffID.

    Only these are read and compressed. An empty file stands for each known one in the layout that is
    written, so that skopeo takes it for there; what it does not is compressed again, and returned too.

    Raises:
        CommandError: the store does not give the image.
    """
    with tempfile.TemporaryDirectory(prefix="dockwright-", dir=engine.buildah.tmpdir or None) as folder:
        blobs = Path(folder, "blobs/sha256")
        blobs.mkdir(parents=True)
        for diff_id in known:
            (blobs / diff_id.removeprefix(SHA256)).touch()
        await engine.runner.run(engine.buildah.compress(image.removeprefix(SHA256), folder))
        index = json.loads(Path(folder, "index.json").read_text())
        manifest = json.loads((blobs / index["manifests"][0]["digest"].removeprefix(SHA256)).read_text())
    pairs = zip(diff_ids, manifest["layers"], strict=True)
    return {diff_id: int(layer["size"]) for diff_id, layer in pairs if layer["size"]}
