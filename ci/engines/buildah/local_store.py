"""A Buildah store on this machine; see ci/engines/local_store.py for the contract."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from ci.engines.buildah.commands import Buildah
from ci.engines.buildah.containers import BEING_WRITTEN, LIST_AGAIN_S, MAKING_S
from ci.engines.buildah.storage import Storage
from ci.engines.buildah.store import stored_images
from ci.engines.local_store import StoredImage
from ci.engines.process.command import Command
from ci.engines.process.runner import Runner
from ci.engines.store_state import StoreState, damaged_store, parse_store_state
from ci.errors import CommandError
from ci.names.digest import bare_digest
from ci.names.reference import LOCAL

COPY_RECORDS = 'cp "$1"/layers.json "$1"/*.tar-split.gz "$2" && chmod a+r "$2"/*'


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildahStore:
    """The store that `buildah` names."""

    buildah: Buildah
    runner: Runner

    async def images(self) -> dict[str, str]:
        """Return the ids of all images by name.

        Buildah lists nothing while any process writes an image, so it is asked again until that is complete.
        """
        deadline_s = anyio.current_time() + MAKING_S
        while True:
            try:
                text = await self.runner.run(self.buildah.images())
                break
            except CommandError as error:
                if not BEING_WRITTEN.search(error.tail) or anyio.current_time() > deadline_s:
                    await self._refuse_damage()
                    raise
            await anyio.sleep(LIST_AGAIN_S)
        return {
            name.removeprefix(LOCAL): str(image["id"])
            for image in json.loads(text or "[]") or []
            for name in image.get("names") or []
        }

    async def state(self, ids: Sequence[str]) -> StoreState:
        """Return the state of the store's files, which Buildah itself does not check."""
        text = await self.runner.run(self.buildah.store_state(ids))
        return parse_store_state(self.buildah.storage.root, text)

    async def stored_images(self) -> tuple[StoredImage, ...]:
        """Return all images, also those without a name, with the layers that they share."""
        images, layers = self.buildah.storage.lists
        if not await self.images() and not Path(images).exists():
            return ()
        try:
            texts = [await self.runner.run(self.buildah.read(path)) for path in (images, layers)]
            return stored_images(*texts)
        except (CommandError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
            await self._refuse_damage()
            raise

    async def _refuse_damage(self) -> None:
        """Raise StoreError if the store's own lists are damaged, which Buildah says in other words."""
        inspected = await self.state(())
        if inspected.errors:
            raise damaged_store(inspected.root, inspected.errors)

    async def remove_images(self, *images: str) -> tuple[str, ...]:
        """Remove images by name or id and return the ids of all that were removed."""
        names = (LOCAL + image if "/" in image else image for image in images)
        text = await self.runner.run(self.buildah.remove_images(*names))
        return tuple(line.strip().removeprefix("untagged: ") for line in text.splitlines())

    async def remove_damaged(self, images: Sequence[str]) -> None:
        """Remove images by id, whatever is missing of their layers."""
        await self.runner.run(self.buildah.remove_damaged(images))

    async def compressed_layers(
        self, image: str, diff_ids: Sequence[str], known: Collection[str]
    ) -> dict[str, int]:
        """Return the bytes, as zstd, of the layers that are not `known`: skopeo compresses as for a push.

        Only these are read and compressed. The layout has an empty file for each known one, so that skopeo
        takes it as present; a known layer that skopeo compresses all the same is returned too.
        """
        with tempfile.TemporaryDirectory(prefix="dockwright-", dir=self.buildah.tmpdir or None) as folder:
            blobs = Path(folder, "blobs/sha256")
            blobs.mkdir(parents=True)
            for diff_id in known:
                (blobs / bare_digest(diff_id)).touch()
            conf = write_conf(self.buildah.storage, Path(folder))
            await self.runner.run(self.buildah.compress(bare_digest(image), folder, conf))
            index = json.loads(Path(folder, "index.json").read_text())
            manifest = json.loads((blobs / bare_digest(index["manifests"][0]["digest"])).read_text())
        pairs = zip(diff_ids, manifest["layers"], strict=True)
        return {diff_id: int(layer["size"]) for diff_id, layer in pairs if layer["size"]}

    async def copy_layer_records(self, folder: Path) -> None:
        """Copy the records of all layers into `folder`, readable for everyone."""
        _, layers = self.buildah.storage.lists
        argv = ("sh", "-c", COPY_RECORDS, "sh", str(Path(layers).parent), str(folder))
        await self.runner.run(Command(argv=argv).privileged(self.buildah.privilege.prefix))


def write_conf(storage: Storage, folder: Path) -> str:
    """Write the file that names the store to skopeo into `folder` and return its path."""
    path = folder / "storage.conf"
    path.write_text(storage.conf, encoding="utf-8")
    return str(path)
