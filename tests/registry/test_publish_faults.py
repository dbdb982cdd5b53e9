"""Whatever a registry does to a release, it is an error that says what state, and what it says is so."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ci.errors import RegistryError
from ci.names.digest import digest_of
from ci.publish.release import pushes
from ci.registry.credentials import Credentials
from ci.registry.manifest import INDEX, OCI
from tests.registry.cached import quick
from tests.registry.proxy import Fault, Proxy
from tests.registry.released import acting, commit_of, digests, pushed, released, releases_at, seen
from tests.registry.server import SECRET, USER, Registry, registry, token_server

pytestmark = pytest.mark.engine
OLD = "Nothing of it is released, and the current release is unchanged\nhint: publish 2.0 again"
EITHER = "It is not known whether 2.0 is the current release\nhint: `dockwright verify` shows it"
NEW = (
    "Release 2.0 is made, but some of its tags may be missing or wrong\nhint: `dockwright verify` lists them"
)
READ = "Release 2.0 can't be read completely\nhint: `dockwright verify` shows it"
WAYS = {
    "401": (Fault("status", status=401), "unauthorised"),
    "403": (Fault("status", status=403), "unauthorised"),
    "429": (Fault("status", status=429, headers={"Retry-After": "0"}), "unreachable"),
    "429-for-an-hour": (Fault("status", status=429, headers={"Retry-After": "3600"}), "unreachable"),
    "500": (Fault("status", status=500), "unreachable"),
    "503": (Fault("status", status=503), "unreachable"),
    "507": (Fault("status", status=507), "corrupt"),
    "reset": (Fault("reset"), "unreachable"),
    "endless": (Fault("trickle"), "unreachable"),
}
STAGES = {
    "mount": ("POST", "/release/blobs/uploads/", OLD),
    "manifest": ("PUT", "/image-1/manifests/sha256", OLD),
    "commit": ("PUT", "/release/manifests/current", EITHER),
    "tag": ("PUT", "/image-1/manifests/cpu$", NEW),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("way", WAYS)
async def test_a_fault_says_what_stands(proxy: Proxy, way: str, stage: str) -> None:
    (known, answer), (method, path, state) = WAYS[way], STAGES[stage]
    async with releases_at(proxy.host, retry_policy=quick(answer_s=1.0, tries=3)) as releases:
        first = await released(releases, "a")
        await releases.publish("1.0", first)
        images = await released(releases, "b")
        fault = Fault(known.way, path, method, 10**6, known.status, known.headers)
        proxy.faults.append(fault)
        with pytest.raises(RegistryError) as caught:
            await releases.publish("2.0", images)
        assert str(caught.value).endswith(f". {state}")
        assert caught.value.answer == answer
        assert fault.times < 10**6
        proxy.faults.clear()
        assert await seen(releases) == digests(images if state == NEW else first)
        await releases.publish("2.0", images)
        assert (await seen(releases), await releases.verify()) == (digests(images), ())


@pytest.mark.parametrize("way", ["429", "500", "503", "reset"])
async def test_what_passes_fails_no_release_and_is_said(proxy: Proxy, way: str) -> None:
    said: list[str] = []
    async with releases_at(proxy.host) as releases:
        releases.client.say = said.append
        images = await released(releases, "a")
        known, _ = WAYS[way]
        proxy.faults.append(Fault(known.way, "/release/manifests/current", "PUT", 2, 503, known.headers))
        await releases.publish("1.0", images)
        assert (await seen(releases), await releases.verify()) == (digests(images), ())
        assert len([line for line in said if "retry in 0.0 s" in line]) == 2


OTHER = json.dumps({"schemaVersion": 2, "layers": [], "config": {}}).encode()


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Fault("cut"), "unreachable"),
        (Fault("other-bytes"), "corrupt"),
        (Fault("trickle"), "unreachable"),
        (Fault("body", body=b"[]"), "corrupt"),
        (Fault("body", body=b"[" * 100_000), "corrupt"),
        (Fault("body", body=b'{"a":' * 100_000), "corrupt"),
        (Fault("body", body=b"{}" * 4_000_000), "corrupt"),
        (Fault("body", body=OTHER), "corrupt"),
        (Fault("status", status=404), "absent"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.way}-{value.body[:9]!r}",
)
async def test_an_image_that_is_not_given_whole_is_not_released(
    proxy: Proxy, fault: Fault, answer: str
) -> None:
    async with releases_at(proxy.host, retry_policy=quick(answer_s=1.0, tries=2)) as releases:
        sources = await pushed(releases.client, "a")
        proxy.seen.clear()
        fault.path, fault.method, fault.times = "/image-1/manifests/(k-|sha256)", "GET", 10**6
        proxy.faults.append(fault)
        with pytest.raises(RegistryError) as caught:
            await releases.images(sources, {})
        assert caught.value.answer == answer
        assert fault.times < 10**6
        assert {one.method for one in proxy.seen} == {"GET"}
        proxy.faults.clear()
        assert len(await releases.images(sources, {})) == len(sources)


async def test_an_image_of_another_key_is_not_released(plain: Registry) -> None:
    async with releases_at(plain.host) as releases:
        (first, second, third) = await pushed(releases.client, "a")
        scope = releases.scope([first.image], writes=True)
        entry = {"mediaType": OCI, "digest": first.digest, "size": 1}
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()
        await releases.client.put_manifest("team/image-0", "index", index, INDEX, scope=scope)
        for source, why in (
            (replace(first, key=second.key), "its label has another key"),
            (replace(first, config=second.config), "its config is not the one in its key artifact"),
            (replace(first, digest=digest_of(index)), "a manifest of an unknown kind"),
        ):
            with pytest.raises(RegistryError, match=why) as caught:
                await releases.images([source, third], {})
            assert caught.value.answer == "corrupt"


async def test_a_tag_that_was_moved_since_it_was_looked_up_is_not_followed(plain: Registry) -> None:
    async with releases_at(plain.host) as releases:
        sources = await pushed(releases.client, "a")
        before = await releases.images(sources, {})
        await pushed(releases.client, "moved")
        assert await releases.images(sources, {}) == before


@pytest.mark.parametrize("name", ["current", "1.0", "cpu", "cpu-1.0"])
async def test_what_is_shown_late_is_read_again(proxy: Proxy, name: str) -> None:
    async with releases_at(proxy.host) as releases:
        images = await released(releases, "a")
        late = Fault("status", f"/(release|image-1)/manifests/{name}$", "HEAD", 4, 404)
        proxy.faults.append(late)
        await releases.publish("1.0", images)
        assert late.times == 0
        assert await releases.verify() == ()


@pytest.mark.parametrize("shown", ["sha256:" + "0" * 64, ""], ids=["another", "none"])
async def test_a_registry_that_shows_no_such_release_is_no_success(proxy: Proxy, shown: str) -> None:
    async with releases_at(proxy.host) as releases:
        await releases.publish("1.0", await released(releases, "a"))
        images = await released(releases, "b")
        headers = {"Docker-Content-Digest": shown}
        path = "/release/manifests/current$"
        for is_new in (True, False):
            proxy.faults.append(
                Fault("body", path, "HEAD", 10**6, headers=headers)
                if shown
                else Fault("status", path, "HEAD", 10**6, 404)
            )
            with pytest.raises(RegistryError) as caught:
                await (releases.publish("2.0", images) if is_new else releases.restore("1.0"))
            text = f"the registry does not show what was pushed: {proxy.host}/team/release:current. "
            assert str(caught.value).startswith(text)
            assert "`dockwright verify` shows" in str(caught.value)
            proxy.faults.clear()
        assert await releases.verify() == ()


@pytest.mark.parametrize(
    ("path", "times"), [("/release/manifests/current$", 4), ("/image-1/manifests/sha256", 2), ("/blobs/", 2)]
)
async def test_what_a_registry_has_half_of_is_written_again(proxy: Proxy, path: str, times: int) -> None:
    async with releases_at(proxy.host, retry_policy=quick(tries=2)) as releases:
        images = await released(releases, "a")
        half = Fault("status", path, "HEAD", times, 500)
        proxy.faults.append(half)
        await releases.publish("1.0", images)
        assert half.times == 0
        assert (await seen(releases), await releases.verify()) == (digests(images), ())


async def test_a_manifest_that_reads_back_as_other_bytes_is_no_success(proxy: Proxy) -> None:
    async with releases_at(proxy.host) as releases:
        images = await released(releases, "a")
        proxy.faults.append(Fault("other-bytes", "/image-1/manifests/sha256", "GET"))
        with pytest.raises(
            RegistryError, match=r"downloaded has another digest[.] Nothing of it is released"
        ) as caught:
            await releases.publish("1.0", images)
        assert caught.value.answer == "corrupt"
        await releases.publish("1.0", images)


async def test_a_registry_that_says_no_digest_is_read_instead(proxy: Proxy) -> None:
    """OCI distribution-spec 1.1: an answer should have Docker-Content-Digest, and need not."""
    async with releases_at(proxy.host) as releases:
        images = await released(releases, "a")
        proxy.faults.append(Fault("body", "/manifests/(current|[0-9]|cpu)", "HEAD", 10**6))
        await releases.publish("1.0", images)
        assert (await seen(releases), await releases.verify()) == (digests(images), ())
        proxy.seen.clear()
        await releases.publish("1.0", images)
        assert {one.method for one in proxy.seen} == {"HEAD", "GET"}


@pytest.mark.parametrize(("more", "state"), [(-3, OLD), (0, OLD), (1, NEW)], ids=["mount", "index", "new"])
async def test_a_registry_that_stops_in_the_middle(plain: Registry, more: int, state: str) -> None:
    async with releases_at(plain.host, retry_policy=quick(tries=2)) as releases:
        first = await released(releases, "a")
        await releases.publish("1.0", first)
        images = await released(releases, "b")
        after = commit_of(pushes("team", "2.0", images)) + more
        with acting(releases.client, after, plain.stop), pytest.raises(RegistryError) as caught:
            await releases.publish("2.0", images)
        assert caught.value.answer == "unreachable"
        assert str(caught.value).endswith(f". {state}")
        plain.start()
        assert await seen(releases) == digests(images if state == NEW else first)
        await releases.publish("2.0", images)
        assert (await seen(releases), await releases.verify()) == (digests(images), ())


async def test_a_registry_that_stops_in_the_middle_and_comes_back_is_waited_for(plain: Registry) -> None:
    said: list[str] = []
    async with releases_at(plain.host) as releases:
        images = await released(releases, "a")

        def say(line: str) -> None:
            said.append(line)
            if "retry in" in line and plain.process is None:
                plain.start()

        releases.client.say = say
        with acting(releases.client, commit_of(pushes("team", "1.0", images)), plain.stop):
            await releases.publish("1.0", images)
        assert (await seen(releases), await releases.verify()) == (digests(images), ())
        (line,) = said
        assert f"{plain.host}/v2/team/" in line
        assert ": no answer (" in line


async def test_a_token_that_ends_in_the_middle_is_renewed(tmp_path: Path) -> None:
    with token_server(tmp_path / "tokens") as (tokens, auth), registry(tmp_path / "r", auth=auth) as running:
        async with releases_at(running.host, Credentials(USER, SECRET)) as releases:
            first = await released(releases, "a")
            await releases.publish("1.0", first)
            for version, renewed in (("2.0", True), ("3.0", False)):
                old = await seen(releases)
                images = await released(releases, version)
                scope = releases.scope([one.image for one in images], writes=True)

                def end(scope: tuple[str, ...] = scope, renewed: bool = renewed) -> None:
                    tokens.lives_s = -120  # beyond the minute that the registry forgives
                    ended = tokens.token([tokens.access(one) for one in scope])
                    releases.client.authorization._tokens = {scope: ended}
                    tokens.lives_s = 300 if renewed else -120

                tokens.asked.clear()
                with acting(releases.client, commit_of(pushes("team", version, images)), end):
                    if renewed:
                        await releases.publish(version, images)
                        assert tokens.asked[-1] == list(scope)
                        assert (await seen(releases), await releases.verify()) == (digests(images), ())
                        continue
                    with pytest.raises(RegistryError, match=OLD.replace("2.0", version)) as caught:
                        await releases.publish(version, images)
                assert caught.value.answer == "unauthorised"
                tokens.lives_s = 300
                assert await seen(releases) == old
                await releases.publish(version, images)
                assert (await seen(releases), await releases.verify()) == (digests(images), ())


@pytest.mark.parametrize(
    ("more", "state"),
    [(-13, OLD), (-9, OLD), (-1, OLD), (0, EITHER), (1, NEW)],
    ids=["manifest", "mount", "index", "commit", "tag"],
)
async def test_a_registry_whose_disk_is_full_takes_no_more(tmp_path: Path, more: int, state: str) -> None:
    with small_disk(tmp_path / "disk") as disk, registry(disk / "registry") as running:
        async with releases_at(running.host, retry_policy=quick(tries=2)) as releases:
            first = await released(releases, "a")
            await releases.publish("1.0", first)
            images = await released(releases, "b")
            after = commit_of(pushes("team", "2.0", images)) + more

            def fill() -> None:
                with (disk / "filled").open("wb", buffering=0) as file, suppress(OSError):
                    while file.write(bytes(4096)):
                        pass

            with acting(releases.client, after, fill), pytest.raises(RegistryError) as caught:
                await releases.publish("2.0", images)
            assert str(caught.value).endswith(f". {state}")
            assert "status 500" in str(caught.value)
            assert await seen(releases) == digests(images if state == NEW else first)
            (disk / "filled").unlink()
            if more in (-13, -1):
                # this registry has kept an empty file of the manifest, and takes it for the whole ever after
                with pytest.raises(RegistryError, match=OLD):
                    await releases.publish("2.0", images)
                assert await seen(releases) == digests(first)
                images = images if more == -1 else await released(releases, "c")
                await releases.publish("2.1", images)
            else:
                await releases.publish("2.0", images)
            assert (await seen(releases), await releases.verify()) == (digests(images), ())


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount 16 MiB of memory as a disk."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)), check=True)
    try:
        yield folder
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)
