"""The figures of a release's images: a small artifact beside its index, `release:VERSION.figures`.

It is no part of the release: it is written after that is made, and what is wrong with it fails nothing.
"""

from __future__ import annotations

import json

from ci.errors import RegistryError
from ci.names.digest import digest_of
from ci.publish.release import REPOSITORY, VERSION, metrics_tag
from ci.publish.releases import Releases
from ci.registry.key_artifact import EMPTY, EMPTY_TYPE
from ci.registry.manifest import OCI, read_manifest
from ci.report.budget.figures import Baseline, read_baseline

ARTIFACT_TYPE = "application/vnd.dockwright.figures.v1+json"
LIMIT_BYTES = 8 * 2**20


async def write_metrics(releases: Releases, version: str, figures: Baseline) -> None:
    """Let `figures` stand beside the release `version`.

    Raises:
        RegistryError: the registry does not take them.

    Source: OCI image-spec 1.1, Guidance for an Empty Descriptor.
    """
    client, scope = releases.client, releases.scope((), writes=True)
    repository = client.place.repository(REPOSITORY)
    data = figures.as_json().encode()
    await client.add_blob(repository, EMPTY, scope=scope)
    digest = await client.add_blob(repository, data, scope=scope)
    value = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "artifactType": ARTIFACT_TYPE,
        "config": {"mediaType": EMPTY_TYPE, "digest": digest_of(EMPTY), "size": len(EMPTY)},
        "layers": [{"mediaType": ARTIFACT_TYPE, "digest": digest, "size": len(data)}],
        "annotations": {VERSION: version},
    }
    manifest = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    await client.put_manifest(repository, metrics_tag(version), manifest, OCI, scope=scope)


async def read_metrics(releases: Releases, version: str) -> Baseline | None:
    """Return the figures that stand beside the release `version`; None where there are none.

    Raises:
        RegistryError: they can't be had, or are those of nothing that dockwright wrote for this release.
    """
    client, scope = releases.client, releases.scope((), writes=False)
    repository = client.place.repository(REPOSITORY)
    what = f"{client.place}/{REPOSITORY}:{metrics_tag(version)}"
    try:
        found = read_manifest(await client.manifest(repository, metrics_tag(version), scope=scope), what)
        digest = found.layers[0].digest if len(found.layers) == 1 else ""
        data = await client.blob(repository, digest, scope=scope, limit_bytes=LIMIT_BYTES)
        baseline = read_baseline(data)
    except RegistryError as error:
        if error.answer == "absent":
            return None
        raise
    except ValueError as error:
        raise RegistryError("corrupt", f"{what}: {error}") from error
    if found.annotations.get(VERSION) != version:
        raise RegistryError("corrupt", f"{what}: not the figures of release {version}")
    return baseline
