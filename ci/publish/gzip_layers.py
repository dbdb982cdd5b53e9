"""The same images with gzip layers, for programs that can't read zstd; each layer is compressed once.

`NAMESPACE/IMAGE:k-HEX.gz` is the image `k-HEX` with the same config: its layers unpack to the same content.
Another version of zlib may write other bytes, so an existing manifest is never replaced.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import anyio
import zstandard

from ci.errors import RegistryError
from ci.names.digest import short_digest
from ci.names.file_digest import file_digest
from ci.registry.key_artifact import gzip_tag
from ci.registry.manifest import OCI, Blob, Manifest, read_manifest, refuse_large_layer

if TYPE_CHECKING:
    from ci.registry.client import RegistryClient

ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
"""Source: OCI image-spec 1.1, layer.md."""
LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class GzipLayers:
    """Compresses layers by gzip. `known` has each gzip layer and its repository, by the digest in zstd."""

    client: RegistryClient
    say: Callable[[str], None]
    known: dict[str, tuple[Blob, str]] = field(default_factory=dict)

    async def manifest(self, image: str, tag: str, data: bytes, *, scope: Sequence[str]) -> bytes:
        """Return the manifest `data` of `tag` with gzip layers, after these were pushed.

        Raises:
            RegistryError: the registry does not give a layer, or does not accept one.
            OSError: there is not enough free space for a layer in both compressions.
        """
        repository = self.client.namespace.repository(image)
        own = read_manifest(data, f"{image}:{tag}")
        existing = await self._existing(repository, gzip_tag(tag), own, scope)
        if existing is not None:
            return existing
        missing = {layer.digest: layer for layer in own.layers if layer.type == ZSTD}
        limiter = anyio.CapacityLimiter(os.cpu_count() or 1)
        errors: list[RegistryError | OSError] = []

        async def push(layer: Blob) -> None:
            async with limiter:
                if errors:
                    return
                try:
                    await self._push(image, layer, scope)
                except (RegistryError, OSError) as error:
                    errors.append(error)

        async with anyio.create_task_group() as group:
            for layer in missing.values():
                group.start_soon(push, layer)
        if errors:
            raise errors[0]
        value: dict[str, Any] = json.loads(data)
        for entry in value["layers"]:
            if entry["digest"] in missing:
                blob, _ = self.known[entry["digest"]]
                entry.update(mediaType=GZIP, digest=blob.digest, size=blob.size)
        made = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        await self.client.put_manifest(repository, gzip_tag(tag), made, OCI, scope=scope)
        return made

    async def _existing(self, repository: str, tag: str, own: Manifest, scope: Sequence[str]) -> bytes | None:
        """Return the manifest that an earlier run pushed, if it is of the same image, and note its layers."""
        try:
            data = await self.client.manifest(repository, tag, scope=scope)
            found = read_manifest(data, f"{repository}:{tag}")
        except RegistryError as error:
            if error.answer not in ("absent", "corrupt"):
                raise
            return None
        if found.config != own.config or len(found.layers) != len(own.layers):
            return None
        if any(layer.type == ZSTD for layer in found.layers):
            return None
        for before, after in zip(own.layers, found.layers, strict=True):
            self.known.setdefault(before.digest, (after, repository))
        return data

    async def _push(self, image: str, layer: Blob, scope: Sequence[str]) -> None:
        """Mount or upload a layer in gzip in the repository of `image`."""
        repository = self.client.namespace.repository(image)
        known = self.known.get(layer.digest)
        if known is not None:
            await self.client.mount(known[0].digest, known[1], repository, scope=scope)
            return
        self.say(f"{image}: compresses {short_digest(layer.digest)}… by gzip ({layer.size / 1e6:.1f} MB)")
        with tempfile.TemporaryDirectory(prefix="dockwright-gzip-") as folder:
            source, target = Path(folder, "zstd"), Path(folder, "gzip")
            await self.client.fetch_blob(repository, layer.digest, source, scope=scope, size=layer.size)
            await anyio.to_thread.run_sync(_compress, source, target)
            source.unlink()
            digest = await anyio.to_thread.run_sync(file_digest, target)
            refuse_large_layer(digest, target.stat().st_size, f"{image} in gzip")
            await self.client.send_blob(repository, digest, target, scope=scope)
            blob = Blob(type=GZIP, digest=digest, size=target.stat().st_size)
        self.known[layer.digest] = (blob, repository)


def _compress(source: Path, target: Path) -> None:
    """Unpack `source` (zstd) and write it to `target` in gzip, without a name and a time in the header."""
    with (
        source.open("rb") as compressed,
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=LEVEL, mtime=0) as file,
    ):
        zstandard.ZstdDecompressor().copy_stream(compressed, cast("IO[bytes]", file))
