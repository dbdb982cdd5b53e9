"""What the Dagger module does with a registry: a real one, and a stand-in for the engine's session."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import dagger
import pytest
from dagger import dag

from ci.main import Dockwright, Failed
from tests.dagger.pushed import OCI, Store
from tests.dagger.schema import installed
from tests.dagger.session import Session, served
from tests.dagger.world import Stage
from tests.engine.killed_stack import change, killed_stack
from tests.registry.proxy import Fault, Proxy, proxied
from tests.registry.server import SECRET, USER, Registry, basic, registry

pytestmark = pytest.mark.engine
WRITES = "PUT|POST|PATCH|DELETE"


@pytest.fixture(scope="module")
def server() -> Iterator[Session]:
    with served(Session(installed())) as session:
        yield session


@pytest.fixture
async def session(server: Session, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    monkeypatch.setenv("DAGGER_SESSION_PORT", str(server.port))
    monkeypatch.setenv("DAGGER_SESSION_TOKEN", server.token)
    async with dagger.connection(dagger.Config(retry=None)):
        server.forget()
        yield server


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Proxy]:
    """A registry that lets in nobody but USER."""
    folder = tmp_path / "registry"
    with registry(folder, auth=basic(folder)) as running, proxied(running.host) as proxy:
        yield proxy


class Site:
    """Modules, each with a container of its own, that know one small stack."""

    def __init__(self, session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.session, self.folder, self.monkeypatch = session, folder, monkeypatch
        self.stack = killed_stack(folder / "stack")
        change(self.stack, "content")
        self.started = 0
        self.store = Store("")

    def stage(self, **given: Any) -> Stage:
        """Begin with an engine and a container that have nothing."""
        self.started += 1
        place = self.folder / f"module-{self.started}"
        place.mkdir()
        self.monkeypatch.chdir(place)
        self.session.world = stage = Stage(stack=self.stack, store=self.store, **given)
        self.session.leaves.clear()
        return stage

    def module(self, proxy: Proxy, **given: Any) -> Any:
        self.store.host = proxy.host
        archive = dag.directory().file("base.tar")
        base = {"base": "bootstrap", "base_archive": archive, "registry": f"{proxy.host}/films", "jobs": 4}
        return cast("Any", Dockwright)(source=dag.directory(), **{**base, **given})

    def get(self, image: str, reference: str) -> dict[str, Any]:
        """Return a manifest that the registry has."""
        url = f"http://{self.store.host}/v2/films/{image}/manifests/{reference}"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": OCI})) as reply:
            value: dict[str, Any] = json.loads(reply.read())
        return value

    def published(self) -> list[dict[str, Any]]:
        return [calls[-1][1] for calls in self.session.leaves if calls[-1][0] == "publish"]


@pytest.fixture
def site(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(session, tmp_path, monkeypatch)


async def failed(coroutine: Any) -> str:
    with pytest.raises(Failed) as caught:
        await coroutine
    return str(caught.value)


async def test_what_is_pushed_is_found_by_key_and_nothing_of_it_is_built_again(
    site: Site, proxy: Proxy
) -> None:
    site.stage()
    text = await site.module(proxy).export_cache(images=["kill-two:cpu"])
    assert text.splitlines()[-1].startswith("3 images: 3 built"), text
    assert len(site.published()) == 3
    for given in site.published():
        assert re.fullmatch(rf"{proxy.host}/films/[a-z-]+:k-[0-9a-f]{{32}}", given["address"])
        assert given["forcedCompression"] == "Zstd"
        assert "mediaTypes" not in given  # OCI is what goes without saying
    stage = site.stage()
    proxy.seen.clear()
    again = await site.module(proxy).build_all(images=["kill-two:cpu"], cache="read-write")
    assert again.splitlines()[-1].startswith("3 images: 3 reused"), again
    assert (stage.execs, site.store.fetched, site.published()) == ([], [], [])
    assert proxy.count(WRITES) == 0


async def test_a_miss_starts_from_its_parent_by_digest(site: Site, proxy: Proxy) -> None:
    site.stage()
    await site.module(proxy).export_cache(images=["kill-one:cpu"])
    parent = site.store.named["kill-one"]
    stage = site.stage()
    container = await site.module(proxy).build(image="kill-two", variant="cpu")
    calls = site.session.calls(await container.id())
    assert calls[:2] == [("container", {}), ("from", {"address": parent})]
    assert set(site.store.fetched) == {parent}
    assert not any("fetch_wheels.py" in " ".join(argv) for argv in stage.execs)


async def test_an_image_that_the_registry_has_is_returned_by_digest(site: Site, proxy: Proxy) -> None:
    site.stage()
    await site.module(proxy).export_cache(images=["kill-one:cpu"])
    site.stage()
    container = await site.module(proxy).build(image="kill-one", variant="cpu")
    calls = site.session.calls(await container.id())
    assert calls == [("container", {}), ("from", {"address": site.store.named["kill-one"]})]


async def test_a_registry_that_only_the_caller_reaches_is_a_service_of_each_call(
    site: Site, proxy: Proxy
) -> None:
    site.stage()
    service = dag.host().service([dagger.PortForward(backend=5000)])
    calls = site.session.calls(await service.id())
    given = {"registry": "127.0.0.1:5000/films", "registry_service": service}
    await site.module(proxy, **given).export_cache(images=["base:cpu"])
    assert [one["registryService"] for one in site.published()] == [calls]
    assert site.published()[0]["address"].startswith("127.0.0.1:5000/films/base:k-")
    site.stage()
    container = await site.module(proxy, **given).build(image="base", variant="cpu")
    (_, (name, from_)) = site.session.calls(await container.id())
    assert (name, from_["registryService"]) == ("from", calls)
    assert proxy.count("PUT", "/films/base/manifests/k-[0-9a-f]{32}([.]key)?$") == 2


async def test_a_release_is_made_of_what_was_pushed_and_names_its_commit(site: Site, proxy: Proxy) -> None:
    site.stage()
    commit, origin = "0123456789" * 4, "https://code.example.org/films"
    said = await site.module(proxy).publish(
        version="1.0", variant=["cpu"], revision=commit, origin=origin, bootstrap_base=True
    )
    place = f"{proxy.host}/films/release:1.0"
    assert said.splitlines()[-1] == f"{place}: 4 images, and all tags point to them"
    manifest = site.get("kill-two", "cpu-1.0")
    assert manifest["annotations"]["org.opencontainers.image.revision"] == commit
    assert manifest["annotations"]["org.opencontainers.image.source"] == origin
    assert site.get("kill-two", "cpu") == manifest
    assert {one["mediaType"].rpartition(".")[2] for one in manifest["layers"]} == {"tar+zstd"}


async def test_a_password_goes_to_the_registry_and_to_the_engine(site: Site, guarded: Proxy) -> None:
    stage = site.stage()
    secret = dag.set_secret("password", SECRET)
    module = site.module(guarded, username=USER, password=secret)
    await module.export_cache(images=["base:cpu"])
    site.stage()
    text = await module.build_all(images=["kill-one:cpu"])
    assert text.splitlines()[-1].startswith("2 images: 1 built, 1 reused"), text
    assert site.store.fetched
    assert SECRET not in text
    assert not any(SECRET in " ".join(argv) for argv in stage.execs)


def said_by(proxy: Proxy) -> dict[str, tuple[Any, str]]:
    """Return each way not to be let in: what is given, and what is said of it."""
    refused = f"RegistryError: GET {proxy.host}/v2/: access denied "
    return {
        "nothing": ({}, f"{refused}without credentials"),
        "another password": ({"username": USER, "password": "guessed"}, f"{refused}as {USER} "),
        "a user alone": ({"username": USER}, "UsageError: --username without --password"),
        "a password alone": ({"password": SECRET}, "UsageError: --password without --username"),
        "an empty password": ({"username": USER, "password": ""}, "UsageError: --password: the secret is "),
        "no such secret": (
            {"username": USER, "password": dag.secret("env://NOT_SET")},
            "UsageError: --password: secret env var not found: NOT_SET",
        ),
    }


@pytest.mark.parametrize(
    "way",
    [
        *("nothing", "another password", "a user alone", "a password alone", "an empty password"),
        "no such secret",
    ],
)
async def test_who_is_not_let_in_is_told_before_anything_is_built(
    site: Site, guarded: Proxy, way: str
) -> None:
    stage = site.stage()
    given, said = said_by(guarded)[way]
    if isinstance(given.get("password"), str):
        given = {**given, "password": dag.set_secret("password", given["password"])}
    module = site.module(guarded, **given)
    for call in (module.export_cache(), module.publish(version="1.0", bootstrap_base=True)):
        text = await failed(call)
        assert text.startswith(said)
        assert len(text.splitlines()) == 2
        assert text.splitlines()[1].startswith("hint: ")
        assert text.endswith("give --username and --password env://VARIABLE before the function") == (
            "RegistryError" in said
        )
    assert (stage.execs, guarded.count(WRITES)) == ([], 0)


async def test_a_registry_that_is_not_there_is_told_before_anything_is_built(
    site: Site, plain: Registry, proxy: Proxy
) -> None:
    stage = site.stage()
    plain.stop()
    text = await failed(site.module(proxy).export_cache())
    assert re.fullmatch(rf"RegistryError: GET {proxy.host}/v2/: no answer \(.*\), after 4 tries", text)
    assert stage.execs == []


async def test_a_cache_that_takes_nothing_is_no_success(site: Site, proxy: Proxy) -> None:
    site.stage()
    proxy.faults.append(
        Fault("status", path="/films/kill-one/manifests/k-", method="PUT", times=99, status=403)
    )
    text = await failed(site.module(proxy).export_cache(images=["kill-two:cpu"]))
    assert text == "RegistryError: not in the registry: kill-one:cpu"


async def test_an_engine_that_dies_leaves_no_release(site: Site, proxy: Proxy) -> None:
    stage = site.stage(dies_of="kill-two")
    text = await failed(site.module(proxy).publish(version="1.0", bootstrap_base=True))
    assert "the Dagger engine does not answer any more" in text
    assert text.splitlines()[-1].startswith("EngineError: ")
    assert "Traceback" not in text
    assert stage.gone
    assert proxy.count("PUT", "/films/release/") == 0
    assert proxy.count("PUT", "/films/[a-z-]+/manifests/cpu") == 0
