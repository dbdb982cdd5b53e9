"""The ledger in a registry: check results of an image, in the artifact `k-HEX.smoke-SUITE-MACHINE`."""

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
    """The entries of one namespace. Each is an annotation of a manifest, so one request reads it."""

    cache: RegistryCache

    async def read(self, wanted: Wanted, name: str) -> str | None:
        """Return the entry `name` of an image; None where it has none.

        Raises:
            RegistryError: the registry gives no answer, or the artifact has no entry.
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
            raise RegistryError("corrupt", f"{what}: has no check results")
        return text

    async def write(self, wanted: Wanted, name: str, text: str) -> None:
        """Write an entry, in place of an earlier one.

        Raises:
            RegistryError: the registry does not accept it.
        """
        client, scope = self.cache.client, self.cache.scope((wanted.image,), writes=True)
        repository = client.namespace.repository(wanted.image)
        annotations = {ENTRY: text, CREATED: datetime.now(UTC).isoformat(timespec="seconds")}
        data = artifact_manifest(ARTIFACT_TYPE, (EMPTY_BLOB,), annotations)
        await client.put_artifact(repository, smoke_tag(wanted.tag, name), data, scope=scope)
