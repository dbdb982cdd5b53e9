"""What was found out of an image by its checks, beside it in the registry: `k-HEX.smoke-SUITE-MACHINE`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ci.errors import RegistryError
from ci.registry.artifact import CREATED, EMPTY_BLOB, artifact_manifest
from ci.registry.cache import RegistryCache, Wanted
from ci.registry.key_artifact import smoke_tag
from ci.registry.manifest import read_manifest

ARTIFACT_TYPE = "application/vnd.dockwright.smoke.v1+json"
ENTRY = "org.dockwright.smoke"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLedger:
    """The entries of one namespace, each the annotation of a manifest, so that one request reads it."""

    cache: RegistryCache

    async def read(self, wanted: Wanted, name: str) -> str | None:
        """Return the entry `name` of an image, None where there is none.

        Raises:
            RegistryError: it can't be had, or what stands there is no entry.
        """
        client, scope = self.cache.client, self.cache.scope((wanted.image,))
        repository, tag = client.namespace.repository(wanted.image), smoke_tag(wanted.tag, name)
        try:
            data = await client.manifest(repository, tag, scope=scope)
        except RegistryError as error:
            if error.answer == "absent":
                return None
            raise
        what = self.cache.tagged(wanted.image, tag)
        text = read_manifest(data, what).annotations.get(ENTRY)
        if text is None:
            raise RegistryError("corrupt", f"{what}: holds no results of checks")
        return text

    async def write(self, wanted: Wanted, name: str, text: str) -> None:
        """Keep an entry, in place of one that is there.

        Raises:
            RegistryError: the registry does not take it.
        """
        client, scope = self.cache.client, self.cache.scope((wanted.image,), writes=True)
        repository = client.namespace.repository(wanted.image)
        annotations = {ENTRY: text, CREATED: datetime.now(UTC).isoformat(timespec="seconds")}
        data = artifact_manifest(ARTIFACT_TYPE, (EMPTY_BLOB,), annotations)
        await client.put_artifact(repository, smoke_tag(wanted.tag, name), data, scope=scope)
