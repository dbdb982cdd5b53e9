"""The figures that stand beside a release: no part of it, and believed only where they are its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ci.errors import RegistryError
from ci.publish.release_metrics import read_metrics, write_metrics
from ci.publish.releases import Releases
from ci.registry.manifest import OCI
from ci.report.budget.metrics import Baseline
from tests.registry.cached import opened
from tests.registry.released import released
from tests.registry.server import Registry
from tests.unit.report.budget.test_metrics import metrics

pytestmark = pytest.mark.engine
FIGURES = Baseline(images=(metrics("asr:cpu", distributions={"av": 3}), metrics("base:cpu")))


@pytest_asyncio.fixture
async def releases(plain: Registry) -> AsyncIterator[Releases]:
    async with opened(plain.host) as (cache, said):
        yield Releases(client=cache.client, say=said.append)


async def test_they_are_read_as_they_were_written_and_the_release_is_what_it_was(releases: Releases) -> None:
    await releases.publish("1.0", await released(releases, "a"))
    before = await releases.read()
    assert await read_metrics(releases, "1.0") is None
    await write_metrics(releases, "1.0", FIGURES)
    assert await read_metrics(releases, "1.0") == FIGURES
    assert await read_metrics(releases, "2.0") is None
    assert await releases.read() == before
    assert await releases.verify() == ()


async def test_those_of_another_release_under_its_tag_are_refused(releases: Releases) -> None:
    await write_metrics(releases, "1.0", FIGURES)
    scope = releases.scope((), writes=True)
    data = await releases.client.manifest("team/release", "1.0.figures", scope=scope)
    await releases.client.put_manifest("team/release", "2.0.figures", data, OCI, scope=scope)
    with pytest.raises(RegistryError, match=r"2\.0\.figures: not the metrics of release 2\.0") as caught:
        await read_metrics(releases, "2.0")
    assert caught.value.answer == "corrupt"


async def test_what_is_no_baseline_is_refused_with_where_it_is_wrong(releases: Releases) -> None:
    await write_metrics(releases, "1.0", FIGURES)
    scope = releases.scope((), writes=True)
    value = json.loads(await releases.client.manifest("team/release", "1.0.figures", scope=scope))
    data = b'{"schema": 2}'
    digest = await releases.client.add_blob("team/release", data, scope=scope)
    value["layers"] = [{**value["layers"][0], "digest": digest, "size": len(data)}]
    await releases.client.put_manifest(
        "team/release", "1.0.figures", json.dumps(value).encode(), OCI, scope=scope
    )
    with pytest.raises(RegistryError, match=r"1\.0\.figures: schema: Input should be 1"):
        await read_metrics(releases, "1.0")
