"""A registry that sends what it should not: only our own errors come out, and no secret goes elsewhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from ci.cli.main import main
from ci.errors import RegistryError
from ci.names.digest import digest_of
from ci.registry.cache import RegistryCache, Wanted
from ci.registry.client import RegistryClient
from ci.registry.connect import _silent, open_registry
from ci.registry.credentials import Credentials
from ci.registry.key_artifact import KEY, LAYERS, KeyArtifact, key_artifact_manifest, key_artifact_tag
from ci.registry.manifest import OCI, Blob
from ci.registry.namespace import parse_namespace
from ci.registry.retry import RetryPolicy
from tests.fakes.registry import FakeRegistry

SECRET = "hunter2tail"
KEYS = "a" * 64
WANTED = Wanted("asr:cpu", "asr", "k-1", KEYS)
SCOPE = ("repository:team/asr:pull",)
DIGEST = "sha256:" + "0" * 64


@dataclass(slots=True, kw_only=True)
class Web(FakeRegistry):
    """A registry, and all other hosts, which answer with `elsewhere`. `seen` has what each got."""

    elsewhere: Callable[[httpx.Request], httpx.Response] = lambda _request: httpx.Response(404)
    seen: list[tuple[str, str]] = field(default_factory=list)
    """URL and header Authorization."""

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((str(request.url), request.headers.get("authorization", "")))
        if request.url.host != self.host or request.url.scheme != "https":
            return self.elsewhere(request)
        return FakeRegistry.handle(self, request)

    @property
    def hosts(self) -> set[str]:
        return {httpx.URL(url).host for url, _ in self.seen}


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    _silent.clear()
    found = Web()
    found.install(monkeypatch)

    async def resolve(host: str, *_: object, **_more: object) -> list[Any]:
        named = {
            "inside.example": "10.0.0.7",
            "metadata.example": "169.254.169.254",
            "me.example": "127.0.0.1",
        }
        return [(0, 0, 0, "", (named.get(host, "93.184.216.34"), 443))]

    monkeypatch.setattr(anyio, "getaddrinfo", resolve)
    return found


@asynccontextmanager
async def opened(
    web: Web, *, secret: str = "", policy: RetryPolicy | None = None
) -> AsyncIterator[RegistryClient]:
    credentials = Credentials("ci", secret) if secret else None
    place = parse_namespace(f"{web.host}/team")
    said: list[str] = []
    policy = policy or RetryPolicy(tries=1, pause_s=0.0)
    async with open_registry(place, credentials, policy, said.append) as client:
        yield client


async def error_of(client: RegistryClient) -> RegistryError:
    with pytest.raises(RegistryError) as raised:
        await client.manifest("team/asr", "k-1", scope=SCOPE)
    return raised.value


def put_key_artifact(web: Web, layers: str) -> None:
    image = web.put_manifest("team/asr", "k-1", b'{"mediaType": "x"}')
    artifact = KeyArtifact(key=KEYS, image=image, config=DIGEST, layers=((DIGEST, 1),))
    value = json.loads(key_artifact_manifest(artifact, Blob(type=OCI, digest=DIGEST, size=1), "now"))
    value["annotations"][LAYERS] = layers
    web.put_manifest("team/asr", key_artifact_tag("k-1"), json.dumps(value).encode())


@pytest.mark.parametrize(
    "layers",
    [
        f'[["{DIGEST}", 1{"0" * 400}]]',
        f'[["{DIGEST}", -1]]',
        f'[["{DIGEST}", {2**44 + 1}]]',
        f'[["{DIGEST}", 1.5]]',
        f'[["{DIGEST}", 1e400]]',
        f'[["{DIGEST}", NaN]]',
        f'[["{DIGEST}", true]]',
        f'[["{DIGEST}", "1"]]',
        f'[["{DIGEST}", null]]',
        f'[["{DIGEST}"]]',
        f'[["{DIGEST}", 1, 1]]',
        f'["{DIGEST}"]',
        "{}",
        "null",
        "",
        "[" * 100_000,
        f'[{",".join([f"""["{DIGEST}", 1]"""] * 600)}]',
        '[["sha256:0", 1]]',
        "[[[], 1]]",
    ],
)
async def test_a_key_artifact_with_other_layers_is_corrupt(web: Web, layers: str) -> None:
    put_key_artifact(web, layers)
    async with opened(web) as client:
        found = await RegistryCache(client=client).look_up([WANTED])
    assert (found.available, found.errors["asr:cpu"].answer) == ({}, "corrupt")


async def test_a_key_artifact_with_good_layers_is_read(web: Web) -> None:
    put_key_artifact(web, f'[["{DIGEST}", 5]]')
    async with opened(web) as client:
        found = await RegistryCache(client=client).look_up([WANTED])
    assert found.available["asr:cpu"].layers == ((DIGEST, 5),)


REFUSED = (
    "http://169.254.169.254/latest/meta-data",
    "https://169.254.169.254/latest/meta-data",
    "https://[fe80::1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://a.localhost/",
    "https://[::1]/",
    "https://0.0.0.0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://10.0.0.7/",
    "https://inside.example/",
    "https://metadata.example/",
    "https://me.example/",
    "http://storage.example/",
    "http://registry.example/v2/team/asr/manifests/k-2",
    "https://ci:pw@storage.example/",
    "https://storage.example:99999/",
    "ftp://storage.example/",
    "file:///etc/passwd",
    "//169.254.169.254/",
    "https://",
    "https:///x",
    "http://[",
)


@pytest.mark.parametrize("target", REFUSED)
@pytest.mark.parametrize("method", ["manifest", "blob", "tags", "digest", "connect"])
async def test_no_redirection_leads_into_a_closer_network(web: Web, target: str, method: str) -> None:
    async with opened(web) as client:
        web.answer = lambda _request: httpx.Response(307, headers={"Location": target})
        web.elsewhere = lambda _request: httpx.Response(200, json={"token": "x", "tags": []})
        calls = {
            "manifest": lambda: client.manifest("team/asr", "k-1", scope=SCOPE),
            "blob": lambda: client.blob("team/asr", DIGEST, scope=SCOPE, limit_bytes=10),
            "tags": lambda: client.tags("team/asr", scope=SCOPE),
            "digest": lambda: client.digest("team/asr", "k-1", scope=SCOPE),
            "connect": client.connect,
        }
        with pytest.raises(RegistryError) as raised:
            await calls[method]()
    assert raised.value.answer == "corrupt"
    assert web.hosts == {web.host}


@pytest.mark.parametrize("target", REFUSED)
async def test_no_upload_and_no_page_goes_into_a_closer_network(web: Web, target: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST":
            return httpx.Response(202, headers={"Location": target})
        if "tags" in request.url.path:
            return httpx.Response(200, json={"tags": ["a"]}, headers={"Link": f'<{target}>; rel="next"'})
        return None

    web.answer = answer
    async with opened(web) as client:
        with pytest.raises(RegistryError):
            await client.add_blob("team/asr", b"data", scope=SCOPE)
        with pytest.raises(RegistryError):
            await client.tags("team/asr", scope=SCOPE)
    assert web.hosts == {web.host}


@pytest.mark.parametrize("realm", REFUSED)
async def test_no_token_is_asked_for_in_a_closer_network(web: Web, realm: str) -> None:
    web.answer = lambda _request: httpx.Response(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})
    web.elsewhere = lambda _request: httpx.Response(200, json={"token": "x"})
    with pytest.raises(RegistryError):
        async with opened(web, secret=SECRET) as client:
            await client.manifest("team/asr", "k-1", scope=SCOPE)
    assert web.hosts == {web.host}


async def test_a_redirection_to_storage_is_followed_without_credentials(web: Web) -> None:
    data = b'{"a": 1}'

    def answer(request: httpx.Request) -> httpx.Response | None:
        if not request.headers.get("authorization"):
            return httpx.Response(401, headers={"WWW-Authenticate": "Basic"})
        return httpx.Response(307, headers={"Location": "https://storage.example/x?sig=1"})

    web.elsewhere = lambda _request: httpx.Response(200, content=data)
    async with opened(web) as client:
        web.answer = answer
        client.authorization.credentials = Credentials("ci", SECRET)
        assert await client.blob("team/asr", digest_of(data), scope=SCOPE, limit_bytes=99) == data
    assert {header for url, header in web.seen if "storage" in url} == {""}


async def test_a_token_server_gets_the_credentials_and_the_hosts_behind_it_do_not(web: Web) -> None:
    def elsewhere(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.example":
            return httpx.Response(302, headers={"Location": "https://other.example/token"})
        return httpx.Response(200, json={"token": "a-token"})

    web.elsewhere = elsewhere
    challenge = 'Bearer realm="https://auth.example/token",service="r"'
    web.answer = lambda _request: httpx.Response(401, headers={"WWW-Authenticate": challenge})
    async with opened(web, secret=SECRET) as client:
        await error_of(client)
    sent = {httpx.URL(url).host: header for url, header in web.seen if web.host not in url}
    assert sent == {"auth.example": Credentials("ci", SECRET).basic(), "other.example": ""}


async def test_redirections_end(web: Web) -> None:
    async with opened(web) as client:
        web.answer = lambda request: httpx.Response(307, headers={"Location": f"{request.url}x"})
        error = await error_of(client)
    assert "more than 5 redirections" in error.message


@pytest.mark.parametrize(
    "headers",
    [
        ['Negotiate, Basic realm="x"'],
        ["Negotiate", 'Basic realm="x"'],
        ['NTLM TlRMTVNTUAA=, Digest nonce="a, b", Basic realm="x"'],
        ['BASIC realm="x"'],
        ["Basic"],
        ['Bearer realm="http://auth.example/t"', "Basic"],
        ['Bearer realm="nonsense", Basic realm="x"'],
    ],
)
async def test_basic_is_found_among_other_challenges(web: Web, headers: list[str]) -> None:
    data = b"{}"

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.headers.get("authorization") == Credentials("ci", SECRET).basic():
            return httpx.Response(200, content=data)
        return httpx.Response(401, headers=[("WWW-Authenticate", one) for one in headers])

    web.answer = answer
    async with opened(web, secret=SECRET) as client:
        assert await client.manifest("team/asr", "k-1", scope=SCOPE) == data


async def test_a_scheme_that_is_not_supported_is_named(web: Web) -> None:
    web.answer = lambda _request: httpx.Response(401, headers={"WWW-Authenticate": "Negotiate"})
    with pytest.raises(RegistryError, match="it asks for negotiate, and dockwright has Basic and Bearer"):
        async with opened(web, secret=SECRET):
            pass


@pytest.mark.parametrize("status", [405, 501])
async def test_a_registry_without_head_is_asked_by_get(web: Web, status: int) -> None:
    digest = web.put_manifest("team/asr", "k-1", b"{}")
    web.answer = lambda request: httpx.Response(status) if request.method == "HEAD" else None
    async with opened(web) as client:
        assert await client.digest("team/asr", "k-1", scope=SCOPE) == digest
        assert await client.find_digest("team/asr", "k-9", scope=SCOPE) is None


async def test_a_registry_that_asks_to_wait_is_waited_for_once_and_visibly(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    now = [1000.0]

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(anyio, "sleep", sleep)
    monkeypatch.setattr("ci.registry.client.time.monotonic", lambda: now[0])
    web.put_manifest("team/asr", "k-1", b"{}")
    answers = [httpx.Response(429, headers={"Retry-After": "60"})]
    async with opened(web, policy=RetryPolicy(tries=3)) as client:
        said: list[str] = []
        client.say = said.append
        web.answer = lambda _request: answers.pop() if answers else None
        await client.manifest("team/asr", "k-1", scope=SCOPE)
        path = f"GET {web.host}/v2/team/asr/manifests/k-1"
        assert said == [f"{path}: the registry asks to wait: status 429; retry in 60.0 s"]
        assert sum(slept) == 60.0
        web.answer = lambda _request: httpx.Response(503, headers={"Retry-After": "3600"})
        error = await error_of(client)
        assert error.message.endswith("status 503, after 1 tries; it asks to wait 3600 s")
        web.answer = lambda _request: httpx.Response(503, headers={"Retry-After": "100"})
        error = await error_of(client)
        assert sum(slept) == 260.0  # the waits of a run have a limit
        assert "it asks to wait 100 s" in error.message


async def test_a_silent_registry_is_not_asked_again_in_the_run(web: Web) -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("", request=request)

    web.answer = silent
    policy = RetryPolicy(tries=9, pause_s=0.0, opening_s=0.0)
    for _ in range(3):
        with pytest.raises(RegistryError) as raised:
            async with opened(web, policy=policy):
                pass
        assert raised.value.answer == "unreachable"
    assert len(web.requests) == 1


async def test_a_registry_that_stops_to_answer_is_left_alone_for_a_while(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("ci.registry.client.time.monotonic", lambda: now[0])

    def silent(request: httpx.Request) -> httpx.Response:
        now[0] += 30
        raise httpx.ReadTimeout("", request=request)

    web.put_manifest("team/asr", "k-1", b"{}")
    async with opened(web, policy=RetryPolicy(tries=9, pause_s=0.0)) as client:
        web.answer = silent
        web.requests.clear()
        for _ in range(5):
            assert (await error_of(client)).answer == "unreachable"
        assert len(web.requests) == 2
        web.answer = lambda _request: None
        now[0] += 61
        assert await client.manifest("team/asr", "k-1", scope=SCOPE) == b"{}"


@pytest.mark.parametrize(
    "content", [b"x" * (3 << 20), b'{"errors": [{"message": "' + b"a" * (2 << 20) + b'"}]}']
)
async def test_the_body_of_an_error_is_not_kept_whole(web: Web, content: bytes) -> None:
    async with opened(web) as client:
        web.answer = lambda _request: httpx.Response(400, content=content)
        assert len((await error_of(client)).message) < 400


async def test_a_compressed_answer_is_not_unpacked(web: Web) -> None:
    import gzip

    bomb = gzip.compress(b"0" * (64 << 20))
    async with opened(web) as client:
        raw = httpx.Response(200, content=bomb)
        raw.headers["Content-Encoding"] = "gzip"
        web.answer = lambda _request: raw
        assert await client.manifest("team/asr", "k-1", scope=SCOPE) == bomb


@pytest.mark.parametrize(
    ("body", "link"),
    [
        (b"[]", ""),
        (b'{"tags": 1}', ""),
        (b'{"tags": {"a": 1}}', ""),
        (b"[" * 100_000, ""),
        (b'{"tags": ' + b"9" * 5000 + b"}", ""),
        (b'{"tags": ["a"]}', '</v2/team/asr/tags/list?n=1000>; rel="next"'),
        (b'{"tags": ["a"]}', '<https://other.example/v2/>; rel="next"'),
        (b"\xff", ""),
    ],
)
async def test_a_list_of_tags_that_is_none_is_corrupt(web: Web, body: bytes, link: str) -> None:
    headers = {"Link": link} if link else {}
    async with opened(web) as client:
        web.answer = lambda _request: httpx.Response(200, content=body, headers=headers)
        with pytest.raises(RegistryError) as raised:
            await client.tags("team/asr", scope=SCOPE)
    assert raised.value.answer == "corrupt"


async def test_tags_that_are_none_are_left_out(web: Web) -> None:
    async with opened(web) as client:
        web.answer = lambda _request: httpx.Response(
            200, json={"tags": ["a", "../b", 1, None, "a/b", "c" * 200]}
        )
        assert await client.tags("team/asr", scope=SCOPE) == ("a",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"token": 1}',
        b'{"token": "a b"}',
        b'{"token": "a\\nb"}',
        b'{"token": "\\u00e4"}',
        b"[" * 9999,
    ],
)
async def test_a_token_that_is_none_is_corrupt(web: Web, body: bytes) -> None:
    challenge = 'Bearer realm="https://auth.example/token"'
    web.answer = lambda _request: httpx.Response(401, headers={"WWW-Authenticate": challenge})
    web.elsewhere = lambda _request: httpx.Response(200, content=body)
    async with opened(web) as client:
        assert (await error_of(client)).answer == "corrupt"


@pytest.mark.parametrize("port", ["99999", "0", "65536", "00080"])
def test_a_port_that_is_none_is_a_sentence(
    port: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["verify", "--registry", f"registry.example:{port}/team"]) == 2
    assert "a port is 1 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize(
    "proxy", ["nonsense", "ftp://proxy", "socks5://proxy:1", "http://[", "http://proxy:99999"]
)
def test_a_proxy_that_is_none_is_a_sentence(
    proxy: str, web: Web, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.setattr("ci.run.reuse.remote_cache.RetryPolicy", lambda: RetryPolicy(tries=1))
    assert main(["verify", "--registry", f"{web.host}/team"]) == 9
    assert "Traceback" not in capsys.readouterr().err


def test_keys_are_of_the_artifact() -> None:
    assert KEY == "org.dockwright.key"
