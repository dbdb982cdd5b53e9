"""A proxy in front of a registry that counts what passes, and fails as told."""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from tests.hang import HANG_S

"""How long a gate holds what comes, so that a test ends for which too little does."""
Way = Literal["status", "reset", "cut", "other-bytes", "body", "trickle", "lost"]


@dataclass
class Fault:
    """What happens to the next `times` requests that `method` and `path` (regular expressions) match.

    `status` answers at once, and nothing passes; `reset` ends the connection in the middle of the request's
    body; `lost` lets a request pass and ends the connection without an answer; `cut` ends an answer after
    half of it; `other-bytes` changes an answer's last byte; `body` answers with `body`; `trickle` gives a
    byte every tenth of a second, for ever.
    """

    way: Way
    path: str = ".*"
    method: str = ".*"
    times: int = 1
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def fits(self, method: str, path: str) -> bool:
        return bool(self.times > 0 and re.fullmatch(self.method, method) and re.search(self.path, path))


@dataclass
class Gate:
    """Holds the requests that `method` and `path` match until `count` of them have come; then it is open.

    `reached` is when the first of them came.
    """

    count: int
    path: str = ".*"
    method: str = ".*"
    came: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def fits(self, method: str, path: str) -> bool:
        return bool(
            self.came < self.count and re.fullmatch(self.method, method) and re.search(self.path, path)
        )


@dataclass(frozen=True)
class Seen:
    """A request that came: its path without what follows `?`, and what was answered."""

    method: str
    path: str
    status: int
    sent: int
    got: int


@dataclass
class Proxy:
    """A running proxy: `host` in place of the registry's, what it has `seen`, the `faults` to come."""

    upstream: str
    host: str = ""
    faults: list[Fault] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    """One after the other: a request waits at the first that it fits."""
    seen: list[Seen] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.fits(method, path):
                    fault.times -= 1
                    return fault
        return None

    def wait(self, method: str, path: str) -> None:
        with self.lock:
            gate = next((gate for gate in self.gates if gate.fits(method, path)), None)
            if gate is None:
                return
            gate.came += 1
            gate.reached.set()
            if gate.came == gate.count:
                gate.opened.set()
        gate.opened.wait(HANG_S)

    def count(self, method: str, path: str = "") -> int:
        return sum(bool(re.fullmatch(method, one.method) and re.search(path, one.path)) for one in self.seen)


@contextmanager
def proxied(upstream: str) -> Iterator[Proxy]:
    """Run a proxy on loopback in front of `upstream` (HOST:PORT, without TLS)."""
    proxy = Proxy(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # a body is sent by itself, and would wait 40 ms for the client

        def do(self) -> None:
            self.inside = True
            with proxy.lock:
                proxy.at_once += 1
                proxy.most_at_once = max(proxy.most_at_once, proxy.at_once)
            try:
                self.answer()
            finally:
                self.leave()

        def leave(self) -> None:
            with proxy.lock:
                proxy.at_once -= self.inside
            self.inside = False

        def answer(self) -> None:
            path = self.path.partition("?")[0]
            proxy.wait(self.command, path)
            fault = proxy.take(self.command, path)
            size = int(self.headers.get("Content-Length") or 0)
            if fault is not None and fault.way == "reset":
                self.rfile.read(size // 2)
                self.abort()
                return
            data = self.chunked() if self.headers.get("Transfer-Encoding") else self.rfile.read(size)
            if fault is not None and fault.way in ("status", "body", "trickle"):
                self.play(fault, path, len(data))
                return
            self.forward(fault, path, data)

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do  # noqa: N815 as the server calls them

        def chunked(self) -> bytes:
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def forward(self, fault: Fault | None, path: str, data: bytes) -> None:
            upstream = http.client.HTTPConnection(proxy.upstream, timeout=HANG_S)
            headers: dict[str, str] = {}
            for name, value in self.headers.items():
                if name.lower() != "transfer-encoding":
                    headers[name] = f"{headers[name]}, {value}" if name in headers else value
            headers["Content-Length"] = str(len(data))
            try:
                upstream.request(self.command, self.path, body=data, headers=headers)
                reply = upstream.getresponse()
                body = reply.read()
            except OSError:
                self.abort()
                return
            finally:
                upstream.close()
            if fault is not None and fault.way == "lost":
                self.abort()
                return
            if fault is not None and fault.way == "other-bytes" and body:
                body = body[:-1] + bytes([body[-1] ^ 1])
            if fault is None or fault.way != "cut":
                # before it is answered, so that whoever has the answer finds it among what was seen
                self.note(path, reply.status, len(data), len(body))
            self.send_response(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in ("transfer-encoding", "connection"):
                    self.send_header(name, value)
            if not reply.getheader("Content-Length"):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if fault is not None and fault.way == "cut":
                self.wfile.write(body[: len(body) // 2])
                self.abort()
                return
            self.wfile.write(body if self.command != "HEAD" else b"")

        def play(self, fault: Fault, path: str, got: int) -> None:
            status = 200 if fault.way in ("body", "trickle") else fault.status
            self.note(path, status, got, len(fault.body))
            self.send_response(status)
            for name, value in fault.headers.items():
                self.send_header(name, value)
            endless = fault.way == "trickle"
            self.send_header("Content-Length", str(10**9 if endless else len(fault.body)))
            self.end_headers()
            try:
                while endless and self.command != "HEAD":
                    self.wfile.write(b" ")
                    time.sleep(0.1)
                self.wfile.write(fault.body if self.command != "HEAD" else b"")
            except OSError:
                self.close_connection = True

        def note(self, path: str, status: int, got: int, sent: int) -> None:
            self.leave()
            with proxy.lock:
                proxy.seen.append(Seen(self.command, path, status, sent, got))

        def abort(self) -> None:
            self.close_connection = True
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: what broke off was meant to, or is seen by the test."""

    server = Server(("127.0.0.1", 0), Handler)
    proxy.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
