"""Whatever a registry does, a look-up ends soon, and says which of four things it was told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ci.errors import RegistryError
from ci.registry.credentials import Credentials
from ci.registry.manifest import OCI
from tests.registry.cached import add, opened, push, quick, wanted
from tests.registry.proxy import Fault, Proxy, Way, proxied
from tests.registry.server import SECRET, USER, Registry, basic, registry

pytestmark = pytest.mark.engine
KEY = "[.]key$"


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Fault("status", status=401, times=9), "unauthorised"),
        (Fault("status", status=403, times=9), "unauthorised"),
        (Fault("status", status=500, times=9), "unreachable"),
        (Fault("status", status=503, times=9), "unreachable"),
        (Fault("status", status=429, times=9, headers={"Retry-After": "0"}), "unreachable"),
        (Fault("status", status=429, times=9, headers={"Retry-After": "3600"}), "unreachable"),
        (Fault("status", status=418, times=9), "corrupt"),
        (Fault("reset", times=9), "unreachable"),
        (Fault("cut", path=KEY, times=9), "unreachable"),
        (Fault("other-bytes", path=KEY, times=9), "corrupt"),
        (Fault("trickle", path=KEY, times=9), "unreachable"),
        (Fault("body", path=KEY, body=b"{" * 100_000), "corrupt"),
        (Fault("body", path=KEY, body=b"[" * 100_000), "corrupt"),
        (Fault("body", path=KEY, body=b"{}" * 4_000_000), "corrupt"),
        (Fault("body", path=KEY, body=b'{"schemaVersion":1,"fsLayers":[]}'), "corrupt"),
        (Fault("body", path=KEY, body=b'{"schemaVersion":2,"mediaType":"text/x"}'), "corrupt"),
        (Fault("body", path=KEY, body=b'{"schemaVersion":2,"layers":{}}'), "corrupt"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.way}-{value.status}-{value.body[:30]!r}",
)
async def test_a_fault_is_a_miss_of_its_kind(proxy: Proxy, fault: Fault, answer: str) -> None:
    async with opened(proxy.host, retry_policy=quick(answer_s=1.0, tries=3)) as (cache, _):
        await add(cache, wanted())
        proxy.faults.append(fault)
        found = await cache.look_up([wanted()])
        assert found.available == {}
        assert found.errors["image-0:cpu"].answer == answer


@pytest.mark.parametrize("way", ["status", "reset", "cut"])
async def test_what_passes_is_asked_again_and_that_is_said(proxy: Proxy, way: Way) -> None:
    async with opened(proxy.host) as (cache, said):
        await add(cache, wanted())
        proxy.faults.append(Fault(way, path=KEY if way == "cut" else ".*", times=2))
        assert len((await cache.look_up([wanted()])).available) == 1
        assert len(said) == 2
        assert all("retry in 0.0 s" in line for line in said)


async def test_retry_after_is_kept_to(proxy: Proxy) -> None:
    async with opened(proxy.host) as (cache, said):
        await add(cache, wanted())
        proxy.faults.append(Fault("status", status=429, headers={"Retry-After": "1"}))
        assert len((await cache.look_up([wanted()])).available) == 1
        assert said[0].endswith("status 429; retry in 1.0 s")


async def test_tries_are_bounded_for_a_run_not_for_each_image(proxy: Proxy) -> None:
    images = [wanted(number) for number in range(30)]
    retry_policy = quick(budget=10)
    async with opened(proxy.host, retry_policy=retry_policy) as (cache, said):
        proxy.faults.append(Fault("status", times=10**6))
        found = await cache.look_up(images)
        assert len(found.errors) == 30
        assert len(said) == 10
        assert len(proxy.seen) <= 1 + 30 + 10


async def test_a_blob_whose_answer_was_lost_is_there_and_one_that_broke_off_is_sent_anew(
    proxy: Proxy,
) -> None:
    async with opened(proxy.host) as (cache, said):
        client, scope = cache.client, ("repository:team/image-0:pull,push",)
        for way, data in (("lost", b"one"), ("reset", b"another one")):
            proxy.faults.append(Fault(way, method="PUT", path="/blobs/uploads/"))  # type: ignore[arg-type]
            digest = await client.add_blob("team/image-0", data, scope=scope)
            assert await client.blob("team/image-0", digest, scope=scope, limit_bytes=100) == data
            assert proxy.faults[-1].times == 0
    assert said != []


async def test_a_manifest_that_another_runner_is_just_writing_is_sent_again(proxy: Proxy) -> None:
    body = b'{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}'
    async with opened(proxy.host) as (cache, said):
        beside = await push(cache.client, wanted(0))
        fault = Fault("status", method="PUT", path="[.]key$", status=400, body=body)
        proxy.faults.append(fault)
        await cache.add(wanted(0), beside, {"schema": 1})
        assert (await cache.look_up([wanted(0)])).available == {"image-0:cpu": beside}
        (told,) = said
        assert "status 400 (provided digest did not match); retry in" in told
        proxy.faults.append(replace(fault, times=1, body=b'{"errors":[{"code":"MANIFEST_INVALID"}]}'))
        other = await push(cache.client, wanted(1))
        with pytest.raises(RegistryError, match=r"status 400 \(MANIFEST_INVALID\)"):
            await cache.add(wanted(1), other, {"schema": 1})


async def test_many_faults_of_a_kind_are_one_warning(proxy: Proxy) -> None:
    async with opened(proxy.host, retry_policy=quick(tries=1)) as (cache, _):
        proxy.faults.append(Fault("status", status=403, times=10**6, body=b'{"errors":[{"message":"no"}]}'))
        found = await cache.look_up([wanted(number) for number in range(22)])
        (warning,) = found.warnings()
    assert warning.startswith("22 of the images could not be looked up in the registry")
    assert warning.endswith("status 403 (no) (and 21 more like this)") or "status 403" in warning


async def test_a_key_of_another_image_is_corrupt(plain: Registry) -> None:
    async with opened(plain.host) as (cache, _):
        other = wanted(0).__class__("image-0:cpu", "image-0", wanted(0).tag, wanted(1).key)
        beside = await push(cache.client, other)
        await cache.add(other, beside, {})
        fault = (await cache.look_up([wanted(0)])).errors["image-0:cpu"]
        assert fault.answer == "corrupt"
        assert "has the key" in str(fault)


async def test_a_document_that_is_too_large_is_not_read(proxy: Proxy) -> None:
    async with opened(proxy.host) as (cache, _):
        await add(cache, wanted())
        proxy.faults.append(Fault("body", path="/blobs/", body=json.dumps(["x" * 9_000_000]).encode()))
        with pytest.raises(RegistryError) as caught:
            await cache.document(wanted())
    assert caught.value.answer == "corrupt"


async def test_a_registry_that_stops_and_comes_back_is_asked_again(plain: Registry) -> None:
    async with opened(plain.host, retry_policy=quick(tries=2)) as (cache, _):
        await add(cache, wanted())
        plain.stop()
        assert (await cache.look_up([wanted()])).errors["image-0:cpu"].answer == "unreachable"
        plain.start()
        assert len((await cache.look_up([wanted()])).available) == 1


async def test_a_blob_that_lies_elsewhere_is_fetched_from_there(proxy: Proxy, plain: Registry) -> None:
    async with opened(proxy.host) as (cache, _):
        await add(cache, wanted())
        with proxied(plain.host) as store:
            await cache.document(wanted())
            path = next(one.path for one in proxy.seen if one.method == "GET" and "/blobs/" in one.path)
            away = {"Location": f"http://{store.host}{path}"}
            proxy.faults.append(Fault("status", method="GET", path="/blobs/", status=307, headers=away))
            assert await cache.document(wanted()) == {"schema": 1, "image": "image-0:cpu"}
            assert store.count("GET", "/blobs/") == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Location": "http://[::1/"},
        {"Location": "gopher://127.0.0.1/x"},
        {"Location": "http://127.0.0.1:1/elsewhere"},
        {},
    ],
)
async def test_an_upload_that_is_sent_astray_is_a_fault(proxy: Proxy, headers: dict[str, str]) -> None:
    async with opened(proxy.host, retry_policy=quick(tries=2)) as (cache, _):
        proxy.faults.append(Fault("status", method="POST", status=202, headers=headers, times=9))
        with pytest.raises(RegistryError):
            await add(cache, wanted())


async def test_answers_that_point_in_a_circle_are_a_fault(proxy: Proxy) -> None:
    async with opened(proxy.host) as (cache, _):
        await add(cache, wanted())
        proxy.faults.append(
            Fault("status", method="HEAD", status=307, times=10**6, headers={"Location": "/v2/x/manifests/y"})
        )
        assert (await cache.look_up([wanted()])).errors["image-0:cpu"].answer == "corrupt"


async def test_credentials_go_to_no_other_host(tmp_path: Path) -> None:
    with (
        registry(tmp_path, auth=basic(tmp_path)) as running,
        proxied(running.host) as proxy,
        proxied(running.host) as elsewhere,
    ):
        async with opened(proxy.host, Credentials(USER, SECRET)) as (cache, _):
            location = {"Location": f"http://{elsewhere.host}/v2/team/x/blobs/uploads/1"}
            proxy.faults.append(Fault("status", method="POST", status=202, headers=location))
            with pytest.raises(RegistryError):
                await add(cache, wanted())
    assert [one.status for one in elsewhere.seen] == [401]


async def test_another_host_that_asks_who_we_are_is_not_told(proxy: Proxy, plain: Registry) -> None:
    async with opened(proxy.host, Credentials(USER, SECRET)) as (cache, _):
        await add(cache, wanted())
        with proxied(plain.host) as elsewhere:
            asks = {"WWW-Authenticate": f'Bearer realm="http://{elsewhere.host}/token",service="x"'}
            elsewhere.faults.append(Fault("status", status=401, times=10**6, headers=asks))
            away = {"Location": f"http://{elsewhere.host}/blob"}
            proxy.faults.append(Fault("status", method="GET", path="/blobs/", status=307, headers=away))
            with pytest.raises(RegistryError) as caught:
                await cache.document(wanted())
            assert caught.value.answer == "unauthorised"
            assert [one.path for one in elsewhere.seen] == ["/blob"]
            assert len((await cache.look_up([wanted()])).available) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"WWW-Authenticate": 'Bearer realm="https://["'},
        {"WWW-Authenticate": 'Bearer realm="http://registry.example.org/token"'},
        {"WWW-Authenticate": 'Bearer realm=""'},
        {"WWW-Authenticate": "Bearer"},
        {"WWW-Authenticate": 'Basic realm="'},
        {"WWW-Authenticate": ","},
    ],
)
async def test_a_challenge_that_can_not_be_answered_is_a_miss(proxy: Proxy, headers: dict[str, str]) -> None:
    async with opened(proxy.host) as (cache, _):
        await add(cache, wanted())
        proxy.faults.append(Fault("status", status=401, times=10**6, headers=headers))
        assert (await cache.look_up([wanted()])).errors["image-0:cpu"].answer == "unauthorised"


@pytest.mark.parametrize(
    "value", ["\u00b2", "-1", "1e9", "Tue, 24 Nov 99999999999999999999 12:00:00 GMT", "x"]
)
async def test_a_retry_after_that_is_none_is_no_fault_of_its_own(proxy: Proxy, value: str) -> None:
    async with opened(proxy.host) as (cache, _):
        await add(cache, wanted())
        proxy.faults.append(Fault("status", status=503, headers={"Retry-After": value}))
        assert len((await cache.look_up([wanted()])).available) == 1


@pytest.mark.parametrize("body", [b"{}", b'{"tags": [5]}', b'{"tags": null}'], ids=repr)
async def test_a_list_without_tags_is_empty(proxy: Proxy, body: bytes) -> None:
    async with opened(proxy.host) as (cache, _):
        proxy.faults.append(Fault("body", path="/tags/list$", body=body))
        assert await cache.client.tags("team/x", scope=()) == ()


@pytest.mark.parametrize("body", [b"[]", b'{"tags": 5}', b"{"], ids=repr)
async def test_a_list_of_tags_that_is_none_is_corrupt(proxy: Proxy, body: bytes) -> None:
    async with opened(proxy.host) as (cache, _):
        proxy.faults.append(Fault("body", path="/tags/list$", body=body))
        with pytest.raises(RegistryError) as caught:
            await cache.client.tags("team/x", scope=())
    assert caught.value.answer == "corrupt"


async def test_a_list_of_tags_that_never_ends_is_corrupt(proxy: Proxy) -> None:
    async with opened(proxy.host) as (cache, _):
        link = {"Link": '</v2/team/x/tags/list?n=1000>; rel="next"'}
        proxy.faults.append(
            Fault("body", path="/tags/list$", body=b'{"tags": ["a"]}', times=10**6, headers=link)
        )
        with pytest.raises(RegistryError, match="the list of tags is incomplete"):
            await cache.client.tags("team/x", scope=())
        assert len(proxy.seen) < 5


async def test_an_infinite_size_is_corrupt(proxy: Proxy) -> None:
    async with opened(proxy.host) as (cache, _):
        beside = await add(cache, wanted())
        data = await cache.client.manifest("team/image-0", f"{wanted().tag}.key", scope=())
        layers = data.replace(b",5]", b",1e999]")
        assert layers != data
        await cache.client.put_manifest("team/image-0", f"{wanted().tag}.key", layers, OCI, scope=())
        assert (await cache.look_up([wanted()])).errors["image-0:cpu"].answer == "corrupt"
        with pytest.raises(RegistryError):
            await cache.reconcile(wanted(), beside)
