"""A release: what it names, what follows it, and how it is read back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from ci.errors import RegistryError
from ci.publish.release import Mount, pushes
from ci.publish.releases import Releases
from ci.publish.stale_tags import stale_tags
from tests.registry.cached import push, wanted
from tests.registry.proxy import Fault, Proxy
from tests.registry.released import COUNT, NOTES, digests, released, releases_at, seen
from tests.registry.server import Registry

pytestmark = pytest.mark.engine


@pytest_asyncio.fixture
async def releases(plain: Registry) -> AsyncIterator[Releases]:
    async with releases_at(plain.host) as found:
        yield found


async def test_a_release_names_every_image_and_its_tags_follow(releases: Releases) -> None:
    images = await released(releases, "a")
    await releases.publish("1.0", images)
    version, there = await releases.read()
    assert version == "1.0"
    assert {(one.id, one.digest) for one in there} == {(one.id, one.digest) for one in images}
    assert await releases.verify() == ()
    assert await releases.keys() == {f"{wanted(n).image}:cpu": wanted(n).key for n in range(COUNT)}
    for one in images:
        for tag in ("cpu", "cpu-1.0"):
            repository = f"team/{one.image}"
            data = await releases.client.manifest(repository, tag, scope=())
            assert json.loads(data)["annotations"].items() >= {**NOTES, "note": "a"}.items()


async def test_the_same_release_again_changes_nothing(proxy: Proxy) -> None:
    async with releases_at(proxy.host) as releases:
        images = await released(releases, "a")
        await releases.publish("1.0", images)
        proxy.seen.clear()
        await releases.publish("1.0", images)
        assert {one.method for one in proxy.seen} == {"HEAD", "GET"}


async def test_a_version_is_given_once(releases: Releases) -> None:
    await releases.publish("1.0", await released(releases, "a"))
    with pytest.raises(RegistryError, match=r"release 1\.0 already exists, with other images"):
        await releases.publish("1.0", await released(releases, "b"))


async def test_going_back_is_the_old_release_with_its_tags(releases: Releases) -> None:
    first = await released(releases, "a")
    await releases.publish("1.0", first)
    await releases.publish("2.0", await released(releases, "b"))
    await releases.restore("1.0")
    assert await seen(releases) == digests(first)
    assert await releases.verify() == ()
    assert await releases.verify("2.0") == ()


async def test_going_back_to_what_never_was_changes_nothing(releases: Releases) -> None:
    await releases.publish("1.0", await released(releases, "a"))
    before = await seen(releases)
    with pytest.raises(RegistryError) as caught:
        await releases.restore("0.9")
    assert caught.value.answer == "absent"
    assert await seen(releases) == before


async def test_a_lagging_tag_is_named(releases: Releases) -> None:
    images = await released(releases, "a")
    await releases.publish("1.0", images)
    await push(releases.client, wanted(0).__class__("", "image-0", "cpu", "0" * 64), note="by hand")
    (lag,) = await releases.verify()
    assert lag.reference.endswith("/team/image-0:cpu")
    assert lag.expected == images[0].digest


async def test_what_was_released_is_said_when_a_request_is_refused(proxy: Proxy) -> None:
    async with releases_at(proxy.host) as releases:
        images = await released(releases, "a")
        proxy.faults.append(Fault("status", method="PUT", path="/release/manifests/current", status=403))
        with pytest.raises(RegistryError, match=r"not known whether 1\.0 is the current release"):
            await releases.publish("1.0", images)
        proxy.faults.append(Fault("status", method="PUT", path="/image-1/manifests/cpu$", status=403))
        with pytest.raises(RegistryError, match=r"Release 1\.0 is made, but some of its tags may be"):
            await releases.publish("1.0", images)
        assert {lag.reference.rpartition("/")[2] for lag in await releases.verify()} == {
            "image-1:cpu",
            "image-2:cpu",
            "image-2:cpu-1.0",
        }
        await releases.publish("1.0", images)
        assert await releases.verify() == ()


async def test_a_blob_that_images_share_is_mounted_once(releases: Releases) -> None:
    images = await released(releases, "a")
    mounts = [one for one in pushes("team", "1.0", images) if isinstance(one, Mount)]
    assert len(mounts) == len({one.digest for one in mounts})


async def test_a_tag_that_is_shown_late_is_read_again(proxy: Proxy) -> None:
    async with releases_at(proxy.host) as releases:
        images = await released(releases, "a")
        late = Fault("status", method="HEAD", path="/image-0/manifests/cpu", status=404, times=3)
        proxy.faults.append(late)
        await releases.publish("1.0", images)
        assert late.times == 0
        assert await releases.verify() == ()


async def test_a_layer_that_no_registry_takes_is_refused(releases: Releases) -> None:
    (first, *_) = await released(releases, "a")
    value = json.loads(first.data)
    blob = {"mediaType": "application/x", "digest": "sha256:" + "0" * 64, "size": 11 * 10**9}
    large = replace(first, data=json.dumps({**value, "layers": [blob]}).encode())
    with pytest.raises(
        RegistryError, match=r"has 11\.0 GB, and registries accept at most 10[.] Nothing of it"
    ):
        await releases.publish("1.0", [large])


async def test_tags_of_images_that_the_release_lacks_are_named(releases: Releases) -> None:
    await releases.publish("1.0", await released(releases, "a"))
    assert await stale_tags(releases) == ()
    await releases.publish("2.0", await released(releases, "b", count=1))
    place = releases.client.namespace
    assert await stale_tags(releases) == (f"{place}/image-1:cpu", f"{place}/image-2:cpu")
    assert await releases.verify() == ()
    await releases.restore("1.0")
    assert await stale_tags(releases) == ()
