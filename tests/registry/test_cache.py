"""Images are found by key in a real registry, with few requests, whoever it lets in."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from ci.errors import RegistryError
from ci.names.digest import digest_of
from ci.registry.cache import RegistryCache
from ci.registry.connect import open_registry
from ci.registry.credentials import Credentials
from ci.registry.manifest import OCI
from ci.registry.namespace import RegistryNamespace
from tests.registry.cached import add, opened, push, quick, wanted
from tests.registry.proxy import Fault, Gate, Proxy, proxied
from tests.registry.server import SECRET, USER, Registry, basic, registry, token_server

pytestmark = pytest.mark.engine
KNOWN = Credentials(USER, SECRET, "the tests")


async def test_what_was_added_is_found_and_the_rest_is_absent(plain: Registry) -> None:
    async with opened(plain.host) as (cache, said):
        beside = await add(cache, wanted(0))
        found = await cache.look_up([wanted(0), wanted(1)])
        assert found.available == {"image-0:cpu": beside}
        assert found.errors == {}
        assert said == []
        assert await cache.document(wanted(0)) == {"schema": 1, "image": "image-0:cpu"}
        assert await cache.document(wanted(1)) is None


async def test_22_hits_take_at_most_three_requests_each_and_no_blob(proxy: Proxy) -> None:
    images = [wanted(number) for number in range(22)]
    async with opened(proxy.host) as (cache, _):
        for one in images:
            await add(cache, one)
        proxy.seen.clear()
        assert len((await cache.look_up(images)).available) == 22
    assert proxy.count(".*", "/blobs/") == 0
    assert proxy.count("HEAD", "/manifests/") == 22
    assert proxy.count("GET", "/manifests/k-.*[.]key$") == 22
    assert len(proxy.seen) == 44


async def test_an_image_without_its_key_is_no_hit(plain: Registry) -> None:
    async with opened(plain.host) as (cache, _):
        await push(cache.client, wanted(0))
        found = await cache.look_up([wanted(0)])
        assert (found.available, found.errors) == ({}, {})


async def test_a_tag_that_names_another_image_is_corrupt(plain: Registry) -> None:
    async with opened(plain.host) as (cache, _):
        await add(cache, wanted(0))
        await push(cache.client, wanted(0), note="another one")
        found = await cache.look_up([wanted(0)])
        assert found.available == {}
        assert found.errors["image-0:cpu"].answer == "corrupt"
        (warning,) = found.warnings()
        assert "the tag names another image than the key artifact does" in warning


async def test_a_registry_with_tls_is_trusted_by_a_certificate_in_the_usual_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with registry(tmp_path, tls=True) as running:
        folder = tmp_path / "certs.d" / running.host
        folder.mkdir(parents=True)
        with pytest.raises(RegistryError, match="certificate is not trusted on this machine"):
            async with opened(running.host, retry_policy=quick(tries=1)):
                pass
        (folder / "ca.crt").write_text((tmp_path / "tls.crt").read_text())
        monkeypatch.setattr("ci.registry.tls.CERTIFICATES", (tmp_path / "certs.d",))
        async with opened(running.host) as (cache, _):
            assert str(cache.client.http.base_url).startswith("https://")
            await add(cache, wanted())
            assert len((await cache.look_up([wanted()])).available) == 1


async def test_a_user_and_a_password_open_a_registry_that_wants_them(tmp_path: Path) -> None:
    with registry(tmp_path, auth=basic(tmp_path)) as running:
        async with opened(running.host, KNOWN) as (cache, _):
            await add(cache, wanted())
            assert len((await cache.look_up([wanted()])).available) == 1
        async with opened(running.host, Credentials(USER, "wrong", "a file")) as (cache, _):
            fault = (await cache.look_up([wanted()])).errors["image-0:cpu"]
            assert fault.answer == "unauthorised"
            assert f"access denied as {USER} (from a file)" in str(fault)
            assert "wrong" not in str(fault)
        async with opened(running.host) as (cache, _):
            fault = (await cache.look_up([wanted()])).errors["image-0:cpu"]
            assert "access denied without credentials" in str(fault)


async def test_one_token_is_asked_for_all_images(tmp_path: Path) -> None:
    images = [wanted(number) for number in range(5)]
    with token_server(tmp_path / "tokens") as (tokens, auth), registry(tmp_path / "r", auth=auth) as running:
        async with opened(running.host, KNOWN) as (cache, _):
            for one in images:
                await add(cache, one)
        tokens.asked.clear()
        async with opened(running.host, KNOWN) as (cache, _):
            assert len((await cache.look_up(images)).available) == 5
        assert tokens.asked == [[f"repository:team/image-{number}:pull" for number in range(5)]]


async def test_a_token_that_ends_in_the_middle_is_renewed(tmp_path: Path) -> None:
    with token_server(tmp_path / "tokens") as (tokens, auth), registry(tmp_path / "r", auth=auth) as running:
        async with opened(running.host, KNOWN) as (cache, said):
            await add(cache, wanted())
            tokens.lives_s = -120  # beyond the minute that the registry forgives
            cache.client.authorization.forget()
            fault = (await cache.look_up([wanted()])).errors["image-0:cpu"]
            assert fault.answer == "unauthorised"
            tokens.lives_s = 300
            assert len((await cache.look_up([wanted()])).available) == 1
            assert said == []


@pytest.mark.parametrize("way", ["password", "token"])
async def test_who_may_not_sign_in_is_told_before_anything_is_asked_for(tmp_path: Path, way: str) -> None:
    scope = ("repository:team/release:pull,push",)
    with token_server(tmp_path / "tokens") as (_, by_token):
        auth = by_token if way == "token" else basic(tmp_path / "r")
        with registry(tmp_path / "r", auth=auth) as running:
            async with opened(running.host, KNOWN) as (cache, _):
                await cache.client.sign_in(scope)
            for wrong in (None, Credentials(USER, "guessed", "the tests")):
                async with opened(running.host, wrong) as (cache, _):
                    with pytest.raises(RegistryError) as caught:
                        await cache.client.sign_in(scope)
                assert caught.value.answer == "unauthorised"


async def test_a_token_that_ends_in_the_middle_of_a_push_is_renewed(tmp_path: Path) -> None:
    with (
        token_server(tmp_path / "tokens") as (tokens, auth),
        registry(tmp_path / "r", auth=auth) as running,
        proxied(running.host) as proxy,
    ):
        async with opened(proxy.host, KNOWN) as (cache, said):
            beside = await push(cache.client, wanted())
            # the blobs of the key document are sent, and then the registry takes this token no longer
            asks = {"WWW-Authenticate": f'Bearer realm="{tokens.realm}",service="registry"'}
            proxy.faults.append(Fault("status", method="PUT", path="[.]key$", status=401, headers=asks))
            tokens.asked.clear()
            own = await cache.add(wanted(), beside, {"schema": 1})
            assert await cache.reconcile(wanted(), beside) == own
            assert tokens.asked == [["repository:team/image-0:pull,push"]]
            assert (await cache.look_up([wanted()])).available == {"image-0:cpu": beside}
            assert said == []


async def test_a_token_for_reading_alone_does_not_write(tmp_path: Path) -> None:
    with token_server(tmp_path / "tokens") as (tokens, auth), registry(tmp_path / "r", auth=auth) as running:
        tokens.allows = ("pull",)
        async with opened(running.host, KNOWN) as (cache, _):
            with pytest.raises(RegistryError) as caught:
                await add(cache, wanted())
        assert caught.value.answer == "unauthorised"


async def test_a_host_that_is_no_registry_is_said_to_be_none(proxy: Proxy) -> None:
    proxy.faults.append(Fault("status", path="^/v2/$", status=404, times=9))
    with pytest.raises(RegistryError, match="/v2/: not in the registry"):
        async with opened(proxy.host):
            pass


async def test_nothing_that_listens_is_unreachable_at_once() -> None:
    with pytest.raises(RegistryError) as caught:
        async with open_registry(RegistryNamespace("127.0.0.1:1", "team"), None, quick(), lambda line: None):
            pass
    assert caught.value.answer == "unreachable"


async def test_what_is_shown_late_after_a_push_is_asked_for_again(proxy: Proxy) -> None:
    async with opened(proxy.host) as (cache, said):
        beside = await add(cache, wanted())
        proxy.faults.append(Fault("status", method="HEAD", status=404, times=2))
        await cache.reconcile(wanted(), beside)
        assert len(said) == 2
        assert "not available yet, right after the push" in said[0]


async def test_two_that_push_at_once_end_with_what_agrees(proxy: Proxy) -> None:
    async with opened(proxy.host) as (cache, _):
        beside = await add(cache, wanted())
        # another one pushes the same image with other bytes of its manifest, between our tag and our document
        data = await cache.client.manifest("team/image-0", wanted().tag, scope=())
        await cache.client.put_manifest("team/image-0", wanted().tag, data + b" ", OCI, scope=())
        assert "image-0:cpu" in (await cache.look_up([wanted()])).errors
        await cache.reconcile(wanted(), beside)
        found = (await cache.look_up([wanted()])).available["image-0:cpu"]
        assert (found.config, found.image) == (beside.config, digest_of(data + b" "))


async def test_of_two_that_push_at_the_same_moment_one_sees_that_it_was_not_alone(proxy: Proxy) -> None:
    key = "[.]key$"
    alone = []

    async with opened(proxy.host) as (cache, _), opened(proxy.host) as (other, _):
        beside = await push(cache.client, wanted())
        # both have looked before one writes, and both have written before one reads back
        proxy.gates += [Gate(2, method="GET", path=key), Gate(2, method="GET", path=key)]

        async def push_beside(one: RegistryCache) -> None:
            own = await one.add(wanted(), beside, {"schema": 1})
            alone.append(await one.reconcile(wanted(), beside) == own)

        async with anyio.create_task_group() as group:
            group.start_soon(push_beside, cache)
            group.start_soon(push_beside, other)
    assert sorted(alone) == [False, True]
    assert proxy.count("PUT", key) == 2


async def test_who_is_later_leaves_the_key_document_of_the_faster_one(proxy: Proxy) -> None:
    async with opened(proxy.host) as (cache, _):
        beside = await push(cache.client, wanted())
        own = await cache.add(wanted(), beside, {"schema": 1})
        assert await cache.reconcile(wanted(), beside) == own
        assert await cache.add(wanted(), beside, {"schema": 1}) == ""
        assert await cache.reconcile(wanted(), beside) == own
        assert proxy.count("PUT", "[.]key$") == 1


async def test_a_key_document_of_another_config_is_told(plain: Registry) -> None:
    async with opened(plain.host) as (cache, _):
        beside = await push(cache.client, wanted(), note="ours")
        await add(cache, wanted())
        assert await cache.add(wanted(), beside, {"schema": 1}) == ""
        with pytest.raises(RegistryError, match="another runner has pushed another image under this key"):
            await cache.reconcile(wanted(), beside)


async def test_another_image_under_the_same_key_is_told_and_left(proxy: Proxy) -> None:
    async with opened(proxy.host) as (cache, _):
        beside = await add(cache, wanted())
        await push(cache.client, wanted(), note="another one")
        with pytest.raises(RegistryError, match="another runner has pushed another image under this key"):
            await cache.reconcile(wanted(), beside)


async def test_many_at_once_get_over_a_token_that_ended(tmp_path: Path) -> None:
    images = [wanted(number) for number in range(12)]
    with token_server(tmp_path / "tokens") as (tokens, auth), registry(tmp_path / "r", auth=auth) as running:
        async with opened(running.host, KNOWN) as (cache, said):
            for one in images:
                await add(cache, one)
            cache.client.authorization.forget()
            tokens.lives_s = -120
            assert len((await cache.look_up(images)).errors) == 12  # with it all of them were refused
            tokens.lives_s = 300
            assert len((await cache.look_up(images)).available) == 12
            assert said == []


async def test_a_token_server_that_is_silent_costs_no_more_than_two_tries(tmp_path: Path) -> None:
    images = [wanted(number) for number in range(12)]
    with token_server(tmp_path / "tokens") as (tokens, auth), registry(tmp_path / "r", auth=auth) as running:
        tokens.status = 503
        async with opened(running.host, KNOWN) as (cache, _):
            found = await cache.look_up(images)
    assert {fault.answer for fault in found.errors.values()} == {"unreachable"}
    assert len(found.errors) == 12
    assert len(tokens.asked) == 2
    (warning,) = found.warnings()
    assert "its token server 127.0.0.1:" in warning
    assert SECRET not in warning
