"""The metrics of a release's images: a small artifact, `release:VERSION.figures`.

It is not a part of the release: it is written afterwards, and an error in it fails nothing.
"""

from __future__ import annotations

from ci.errors import RegistryError
from ci.publish.release import REPOSITORY, VERSION, metrics_tag
from ci.publish.releases import Releases
from ci.registry.artifact import artifact_manifest
from ci.registry.manifest import Blob, read_manifest
from ci.report.budget.metrics import Baseline, read_baseline

ARTIFACT_TYPE = "application/vnd.dockwright.figures.v1+json"
LIMIT_BYTES = 8 * 2**20


async def write_metrics(releases: Releases, version: str, metrics: Baseline) -> None:
    """Push `metrics` as those of the release `version`.

    Raises:
        RegistryError: the registry does not accept them.
    """
    client, scope = releases.client, releases.scope((), writes=True)
    repository = client.namespace.repository(REPOSITORY)
    data = metrics.as_json().encode()
    digest = await client.add_blob(repository, data, scope=scope)
    blob = Blob(type=ARTIFACT_TYPE, digest=digest, size=len(data))
    manifest = artifact_manifest(ARTIFACT_TYPE, (blob,), {VERSION: version})
    await client.put_artifact(repository, metrics_tag(version), manifest, scope=scope)


async def read_metrics(releases: Releases, version: str) -> Baseline | None:
    """Return the metrics of the release `version`; None where it has none.

    Raises:
        RegistryError: the registry gives no answer, or they are not metrics of this release.
    """
    client, scope = releases.client, releases.scope((), writes=False)
    repository = client.namespace.repository(REPOSITORY)
    what = client.namespace.reference(REPOSITORY, tag=metrics_tag(version))
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
        raise RegistryError("corrupt", f"{what}: not the metrics of release {version}")
    return baseline
