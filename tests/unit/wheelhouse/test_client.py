"""Servers that send what they should not: each is a sentence, and nothing is read without a bound."""

from __future__ import annotations

import errno
import gzip
import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ci.wheelhouse.program import client as client_module
from ci.wheelhouse.program.address import UnusableError
from ci.wheelhouse.program.client import Client, RetryPolicy
from ci.wheelhouse.program.content_store import ContentStore, open_content_store
from ci.wheelhouse.program.failure import FetchingError
from ci.wheelhouse.program.index import Index
from ci.wheelhouse.program.index_page import files_of_html, files_of_json, unpacked
from ci.wheelhouse.program.transfer import Transfer, Wanted

Send = Callable[[bytes], None]
HOST = "index.example"
PAGE = f"http://{HOST}/simple/thing/"
FILE = "thing-1.0-py3-none-any.whl"


class Pair(socket.socket):
    """One of a pair, which has no options of TCP."""

    def setsockopt(self, *_arguments: object) -> None:
        pass


@dataclass
class Fake:
    """Servers without a network: what each connection to a host sends, over a pair of sockets."""

    answers: dict[str, Callable[[Send], None]] = field(default_factory=dict)
    sent: int = 0
    asked: list[bytes] = field(default_factory=list)

    def connect(self, address: tuple[str, int], *_more: object, **_options: object) -> socket.socket:
        address[0].encode("idna")  # as a socket does: a UnicodeError for a name that can't be one
        answer = self.answers.get(address[0])
        if answer is None:
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        one, there = socket.socketpair()
        here = Pair(fileno=one.detach())

        def send(data: bytes) -> None:
            there.sendall(data)
            self.sent += len(data)

        def serve() -> None:
            with suppress(OSError), there:
                self.asked.append(there.recv(65536))
                answer(send)

        threading.Thread(target=serve, daemon=True).start()
        here.settimeout(5)
        return here


def page(body: bytes, kind: str = "text/html", more: str = "") -> Callable[[Send], None]:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return lambda send: send(head.encode() + body)


def client(fake: Fake, stall_s: float = 5) -> Client:
    retry = RetryPolicy(stall_s=stall_s, tries=2, pause_s=0)
    return Client(lambda _line: None, retry=retry, named=frozenset({HOST}), connect=fake.connect)


def address(fake: Fake, root: str = f"http://{HOST}/simple", stall_s: float = 5) -> str:
    return Index(root, client(fake, stall_s)).address("thing", FILE)


JSON = "application/vnd.pypi.simple.v1+json"


def listing(*entries: object) -> bytes:
    return json.dumps({"files": entries}).encode()


@pytest.mark.parametrize(
    ("body", "kind", "more", "what"),
    [
        (b"{", JSON, "", "no JSON"),
        (b"[" * 200_000, JSON, "", "no JSON"),
        (b'{"files": ' + b"9" * 5000 + b"}", JSON, "", "no JSON"),
        (b"[]", JSON, "", "no list `files`"),
        (b'{"files": {}}', JSON, "", "no list `files`"),
        (listing({"url": "x"}), JSON, "", "without `filename` or `url`"),
        (listing({"filename": FILE, "url": 5}), JSON, "", "without `filename` or `url`"),
        (listing({"filename": FILE, "url": "http://[x"}), JSON, "", "`url` is none"),
        (listing({"filename": FILE, "url": "file:///etc/passwd"}), JSON, "", "only http and https"),
        (listing({"filename": FILE, "url": "ftp://h/x"}), JSON, "", "only http and https"),
        (listing({"filename": FILE, "url": "http://h:99999/x"}), JSON, "", "no URL"),
        (listing({"filename": FILE, "url": "http://h/a b"}), JSON, "", "no URL"),
        (b"no gzip", JSON, "Content-Encoding: gzip\r\n", "no gzip file"),
        (gzip.compress(listing(), mtime=0)[:-9], JSON, "Content-Encoding: gzip\r\n", "ends too early"),
        (b"<a href='../../../etc/passwd'>x</a>", "text/html", "", "lists no such file"),
        (b"<![x[ <a href='x'>", "text/html", "", "the page"),
    ],
)
def test_a_page_that_cannot_be_used_is_a_sentence(body: bytes, kind: str, more: str, what: str) -> None:
    fake = Fake({HOST: page(body, kind, more)})
    with pytest.raises(FetchingError) as caught:
        address(fake)
    assert what in caught.value.text
    assert caught.value.text.startswith(f"{FILE}: {PAGE}")
    assert len(fake.asked) == 1  # another try would not help


@pytest.mark.parametrize(
    "root", ["file:///srv/simple", "http:///simple", "http://h:99999/s", "index/simple", "http://[::1"]
)
def test_an_index_that_is_no_address_of_http_is_a_sentence(root: str) -> None:
    with pytest.raises(FetchingError, match=r"only http and https|no URL"):
        address(Fake(), root)


@pytest.mark.parametrize(
    ("location", "what"),
    [
        ("file:///etc/passwd", "only http and https"),
        ("http://169.254.169.254/latest/meta-data", "of this machine or its link"),
        ("http://[fe80::1]/x", "of this machine or its link"),
        ("http://[::ffff:127.0.0.1]/x", "of this machine or its link"),
        ("http://127.0.0.1:8000/x", "of this machine or its link"),
        ("http://localhost/x", "of this machine or its link"),
        ("http://0.0.0.0/x", "of this machine or its link"),
        ("http://[x", "redirected"),
        (f"http://{HOST}/again", "more than 10 redirects"),
    ],
)
def test_a_redirect_leads_to_no_file_and_not_to_this_machine(location: str, what: str) -> None:
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 5\r\n\r\n".encode()
    fake = Fake({HOST: lambda send: send(head)})
    with pytest.raises(FetchingError) as caught:
        client(fake).body(PAGE, {}, FILE)
    assert what in caught.value.text


def test_the_body_of_a_redirect_is_not_read() -> None:
    def moved(send: Send) -> None:
        if b"/simple/" not in fake.asked[-1]:
            page(b"here")(send)
            return
        send(b"HTTP/1.1 301 Moved\r\nLocation: /other\r\n\r\n")
        endless(send)

    fake = Fake({HOST: moved})
    assert client(fake).body(PAGE, {}, FILE)[0] == b"here"


def test_a_name_that_is_an_address_of_this_machine_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "getpeername", lambda _socket: ("169.254.169.254", 80))
    fake = Fake({HOST: page(b"here"), "cdn.example": page(b"secret")})
    assert client(fake).body(PAGE, {}, FILE)[0] == b"here"  # the settings name it
    with pytest.raises(FetchingError, match=r"cdn\.example is 169\.254\.169\.254, an addr"):
        client(fake).body("http://cdn.example/x", {}, FILE)


def test_the_password_of_an_index_is_not_sent_to_where_it_redirects() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://cdn.example/x\r\nContent-Length: 0\r\n\r\n"
    fake = Fake({HOST: lambda send: send(moved), "cdn.example": page(b"here")})
    client(fake).body(f"http://ci:password@{HOST}/simple/thing/", {}, FILE)
    first, second = fake.asked
    assert b"Authorization: Basic" in first
    assert b"Authorization" not in second


def endless(send: Send) -> None:
    while True:
        send(b"x" * 65536)


def endless_page(send: Send) -> None:
    send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    endless(send)


def test_a_page_without_an_end_is_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "DOCUMENT_BYTES", 2**20)
    fake = Fake({HOST: endless_page})
    with pytest.raises(FetchingError, match="more than 1 MiB"):
        address(fake)
    assert fake.sent < 2 * 2**20


def test_a_page_that_unpacks_without_an_end_is_unpacked_up_to_a_limit() -> None:
    assert unpacked(gzip.compress(b"x" * 2**20), 2**20) == b"x" * 2**20
    assert unpacked(gzip.compress(b"a") + gzip.compress(b"b"), 10) == b"ab"
    for bomb in (gzip.compress(bytes(2**20 + 1)), gzip.compress(bytes(2**19)) * 3):
        with pytest.raises(UnusableError, match="more than 1 MiB"):
            unpacked(bomb, 2**20)


def heads(send: Send) -> None:
    send(b"HTTP/1.1 200 OK\r\n")
    while True:
        send(b"X-Filler: " + b"x" * 60000 + b"\r\n")


def interim(send: Send) -> None:
    while True:
        send(b"HTTP/1.1 100 Continue\r\n\r\n")


def trailers(send: Send) -> None:
    send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    while True:
        send(b"X-Filler: x\r\n")


def drip(send: Send) -> None:
    send(b"HTTP/1.1 200 OK\r\n")
    waiting = threading.Event()
    while not waiting.wait(0.02):
        send(b"x")


@pytest.mark.parametrize("server", [heads, interim, trailers, drip])
def test_a_head_or_an_end_that_takes_no_end_is_ended(server: Callable[[Send], None]) -> None:
    fake = Fake({HOST: server})
    with pytest.raises(FetchingError, match="tried 2 times"):
        client(fake, stall_s=0.1).body(PAGE, {}, FILE)


@pytest.mark.parametrize("length", ["abc", "-5", "9" * 400, "1e3", ""])
def test_a_length_that_is_no_number_is_none(length: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\nhere"
    fake = Fake({HOST: lambda send: send(head.encode())})
    assert client(fake).body(PAGE, {}, FILE)[0] == b"here"


def test_a_chunk_whose_size_is_no_number_is_a_sentence() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhere"
    with pytest.raises(FetchingError, match="the connection broke"):
        client(Fake({HOST: lambda send: send(head)})).body(PAGE, {}, FILE)


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return open_content_store(tmp_path, {})


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("size", [1000, 0])
def test_a_file_is_fetched_up_to_the_size_in_its_lock(
    store: ContentStore, monkeypatch: pytest.MonkeyPatch, size: int, announced: bool
) -> None:
    monkeypatch.setattr("ci.wheelhouse.program.transfer.UNKNOWN_BYTES", 5000)

    def server(send: Send) -> None:
        length = f"Content-Length: {2 * 10**9}\r\n" if announced else ""
        send(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        endless(send)

    fake = Fake({HOST: server})
    wanted = Wanted(file=FILE, sha256="0" * 64, address=lambda: f"http://{HOST}/{FILE}", size=size)
    with pytest.raises(FetchingError) as caught:
        Transfer(store, client(fake)).fetch([wanted])
    assert (
        f"has more than {'the 1000 bytes that its lock has' if size else '5000 bytes'}" in caught.value.text
    )
    assert caught.value.kind == "hash"
    assert fake.sent < 2 * 2**20
    assert list(store.folder.iterdir()) == []
    assert all(part.stat().st_size == 0 for part in store.partial.iterdir())


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["files", "filename", "url", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)
WORDS = st.sampled_from(
    ["<a ", "href=", "'", '"', ">", "<!--", "<![", "]]>", "<!", "<?", "&#", ";", "http://[", "\x00", "a"]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=300)
    | NESTED.map(lambda value: json.dumps(value).encode())
    | st.lists(WORDS, max_size=40).map(lambda words: "".join(words).encode())
)
def test_whatever_a_page_has_it_is_read_or_refused(data: bytes) -> None:
    for read in (files_of_json, files_of_html):
        with suppress(UnusableError):
            found = read(data, PAGE)
            assert all(isinstance(text, str) for pair in found.items() for text in pair)
    for packed in (data, gzip.compress(data), gzip.compress(data)[: len(data)]):
        with suppress(UnusableError):
            assert len(unpacked(packed, 1000)) <= 1000


HEADS = st.lists(
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 206 Partial\r\n",
            b"HTTP/1.1 302 Found\r\n",
            b"HTTP/1.1 99999 ?\r\n",
            b"HTTP/9 x\r\n",
            b"Content-Length: 3\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Type: text/html\r\n",
            b"Content-Type: application/json\r\n",
            b"Content-Encoding: gzip\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Location: \r\n",
            b"Location: http://\xff\r\n",
            b"Location: http://a..b\r\n",
            b"Location: data:,x\r\n",
            b": \r\n",
            b"\x00\xff\r\n",
            b"\r\n",
            b"3\r\n",
            b"abc\r\n",
            b"ffffffffffffffffff\r\n",
        ]
    ),
    max_size=10,
).map(b"".join)


def test_a_connection_that_is_reset_at_once_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[socket.socket] = []

    def reset(here: socket.socket) -> None:
        opened.append(here)
        raise OSError(errno.ENOTCONN, "not connected")

    monkeypatch.setattr(Pair, "getpeername", reset)
    with pytest.raises(FetchingError):
        address(Fake({HOST: page(listing(), JSON)}))
    assert {here.fileno() for here in opened} == {-1}


@settings(max_examples=100, deadline=None)
@given(data=HEADS | st.binary(max_size=100))
@example(data=b"HTTP/1.1 301 Moved\r\nLocation: http://\xff\r\n\r\n")
@example(data=b"HTTP/1.1 301 Moved\r\nLocation: http://a..b\r\n\r\n")
def test_whatever_a_server_sends_it_is_read_or_a_failure_of_fetching(data: bytes) -> None:
    fake = Fake({HOST: lambda send: send(data)})
    with suppress(FetchingError):
        assert isinstance(address(fake), str)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.getproxies", dict)
