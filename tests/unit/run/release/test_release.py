"""Releases of images that an engine in memory pushed to a registry in memory."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from ci.errors import RegistryError, UsageError
from ci.plan.keys import tag
from ci.publish.releases import Lag
from ci.registry.namespace import parse_namespace
from ci.registry.retry import RetryPolicy
from ci.run.build.run import RunResult
from ci.run.release.release import (
    Publication,
    check_base,
    check_pushed,
    check_registry,
    open_releases,
    promote_release,
    publish_release,
)
from ci.run.workspace.base_kind import BaseKind
from tests.fakes.machine import NAMESPACE, Machine
from tests.fakes.registry import FakeRegistry

Machines = tuple[Machine, Machine]


@pytest.fixture(autouse=True)
def nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine of this machine is looked for, and nothing is asked twice."""

    async def no_engine(_workspace: object) -> None:
        """There is none on this machine."""

    monkeypatch.setattr("ci.run.release.release.engine_here", no_engine)
    monkeypatch.setattr(RetryPolicy, "pause", lambda *_: None)


def silent(_line: str) -> None:
    """Print nothing."""


async def publish(machine: Machine, version: str, notes: dict[str, str] | None = None) -> str:
    publication = Publication(version=version, notes=notes or {})
    return await publish_release(machine.workspace(), publication, say=silent, environ={})


async def lags(machine: Machine, version: str = "current") -> tuple[Lag, ...]:
    async with open_releases(machine.workspace().required_registry, silent, environ={}) as releases:
        return await releases.verify(version)


def tags_of(registry: FakeRegistry, image: str) -> dict[str, str]:
    """Return what the tags of an image name that people use."""
    found = {name: digest for (repository, name), digest in registry.tags.items() if repository == image}
    return {name: digest for name, digest in found.items() if not name.startswith("k-")}


async def built(machine: Machine) -> RunResult:
    return await machine.run(cache="read-write")


async def test_a_release_is_one_index_and_every_tag_follows_it(
    machines: Machines, registry: FakeRegistry
) -> None:
    first, _ = machines
    result = await built(first)
    text = await publish(first, "1.0", {"org.opencontainers.image.revision": "a" * 40})
    assert text == f"{registry.host}/{NAMESPACE}/release:1.0: 5 images, and all tags point to them"
    assert set(tags_of(registry, f"{NAMESPACE}/release")) >= {"1.0", "current"}
    for planned in result.plan.images:
        tags = tags_of(registry, f"{NAMESPACE}/{planned.image.image}")
        assert set(tags) == {"cpu", "cpu-1.0"}
        assert len(set(tags.values())) == 1
    assert await lags(first) == ()


async def test_a_tag_that_lags_is_named_and_the_same_release_again_moves_it(
    machines: Machines, registry: FakeRegistry
) -> None:
    first, _ = machines
    await built(first)
    await publish(first, "1.0")
    right = registry.tags.pop((f"{NAMESPACE}/mux", "cpu"))
    reference = f"{registry.host}/{NAMESPACE}/mux:cpu"
    assert await lags(first) == (Lag(reference, right, ""),)
    await publish(first, "1.0")
    assert await lags(first) == ()


async def test_a_version_is_given_once(machines: Machines) -> None:
    first, _ = machines
    await built(first)
    await publish(first, "1.0")
    with pytest.raises(RegistryError, match=r"1\.0"):
        await publish(first, "1.0", {"org.opencontainers.image.revision": "b" * 40})
    await publish(first, "1.1", {"org.opencontainers.image.revision": "b" * 40})
    assert await lags(first, "1.0") == await lags(first, "1.1") == ()


async def test_nothing_is_released_where_the_registry_lacks_an_image(
    machines: Machines, registry: FakeRegistry
) -> None:
    first, _ = machines
    result = await built(first)
    del registry.tags[f"{NAMESPACE}/mux", tag(result.plan.get("mux:cpu").key)]
    with pytest.raises(RegistryError, match="nothing is published: mux:cpu"):
        await publish(first, "1.0")
    assert tags_of(registry, f"{NAMESPACE}/release") == {}


async def test_an_older_release_becomes_the_current_one_again(
    machines: Machines, registry: FakeRegistry
) -> None:
    first, _ = machines
    await built(first)
    await publish(first, "1.0")
    before = tags_of(registry, f"{NAMESPACE}/mux")["cpu"]
    await publish(first, "1.1", {"org.opencontainers.image.revision": "b" * 40})
    assert tags_of(registry, f"{NAMESPACE}/mux")["cpu"] != before
    async with open_releases(first.workspace().required_registry, silent, environ={}) as releases:
        await releases.restore("1.0")
    assert tags_of(registry, f"{NAMESPACE}/mux")["cpu"] == before
    assert await lags(first) == ()


async def test_a_release_is_promoted_to_another_namespace_by_digest(
    machines: Machines, registry: FakeRegistry
) -> None:
    first, _ = machines
    await built(first)
    await publish(first, "1.0")
    workspace = first.workspace()
    namespace = parse_namespace(f"{registry.host}/production")
    async with (
        open_releases(workspace.required_registry, silent, environ={}) as origin,
        open_releases(namespace, silent, environ={}) as to,
    ):
        assert await promote_release(workspace.settings, origin, to, "1.0") == ("1.0", 5)
        assert await to.verify() == ()
    assert tags_of(registry, "production/mux") == tags_of(registry, f"{NAMESPACE}/mux")


async def test_what_was_pushed_is_checked_image_by_image(machines: Machines, registry: FakeRegistry) -> None:
    first, _ = machines
    result = await built(first)
    namespace = first.workspace().required_registry
    await check_pushed(namespace, result.plan, silent, environ={})
    del registry.tags[f"{NAMESPACE}/vad", tag(result.plan.get("vad:cpu").key)]
    with pytest.raises(RegistryError, match="not in the registry: vad:cpu"):
        await check_pushed(namespace, result.plan, silent, environ={})


async def test_credentials_are_checked_before_anything_is_built(
    machines: Machines, registry: FakeRegistry
) -> None:
    namespace = machines[0].workspace().required_registry
    await check_registry(namespace, silent, "REGISTRY", environ={})
    registry.answer = lambda _request: httpx.Response(403)
    with pytest.raises(RegistryError) as caught:
        await check_registry(namespace, silent, "REGISTRY", environ={})
    assert caught.value.answer == "unauthorised"


def test_a_base_made_here_is_released_only_where_that_is_allowed(machines: Machines) -> None:
    workspace = machines[0].workspace()
    check_base(workspace, bootstrap_base=False)
    made_here = replace(workspace, base=BaseKind(kind="bootstrap", reason="asked for"))
    check_base(made_here, bootstrap_base=True)
    with pytest.raises(UsageError, match="bootstrap"):
        check_base(made_here, bootstrap_base=False)
