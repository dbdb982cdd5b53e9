"""Bad luck on loopback: an index that fails as told, and distributions small enough to make here."""

from __future__ import annotations

import base64
import hashlib
import io
import socket
import struct
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from tests.hang import HANG_S

Fault = Literal["503", "404", "reset", "cut", "stall", "trickle", "no-range"]
"""`reset` and `cut` (the connection closed too early) come after half of the body."""


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(name: str, size: int = 100, files: dict[str, bytes] | None = None) -> bytes:
    """Return a wheel of version 1.0 with one module of about `size` bytes that do not compress."""
    noise = hashlib.shake_256(name.encode()).hexdigest(size // 2).encode()
    info = f"{name}-1.0.dist-info"
    members = {
        f"{name}.py": b"# " + noise + b"\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **(files or {}),
    }
    rows = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},{len(content)}"
        for path, content in members.items()
    ]
    members[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in members.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return buffer.getvalue()


def sdist(name: str, files: dict[str, bytes]) -> bytes:
    """Return an sdist of version 1.0."""
    buffer = io.BytesIO()
    members = {"PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(), **files}
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in members.items():
            member = tarfile.TarInfo(f"{name}-1.0/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Served:
    """What a loopback server has by path, and how each path fails, one fault per request."""

    url: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range of every request."""
    hold: threading.Event = field(default_factory=threading.Event)
    """Lets go of what stalls."""

    def add(self, name: str, file: str, data: bytes) -> str:
        """Offer a distribution's file and return its lock line."""
        self.bodies[f"/files/{file}"] = data
        page = self.bodies.get(f"/simple/{name}/", b"")
        self.bodies[f"/simple/{name}/"] = page + f'<a href="/files/{file}#sha256=0">{file}</a>\n'.encode()
        return f"{name}==1.0 --hash=sha256:{sha(data)} # {file}"

    def asked_for(self, file: str) -> list[str]:
        """Return the Range of each request for a distribution's file."""
        return [range_ for path, range_ in self.asked if path == f"/files/{file}"]


@contextmanager
def serving() -> Iterator[Served]:
    """Give a server on a free port of loopback; it ends with the block."""
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # a body is sent by itself, and would wait 40 ms for the client

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            served.asked.append((self.path, wanted))
            faults = served.faults.get(self.path, [])
            fault = faults.pop(0) if faults else ""
            body = served.bodies.get(self.path)
            if fault == "503" or fault == "404" or body is None:
                self.send_error(503 if fault == "503" else 404)
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and fault != "no-range" else 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body) - start))
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            whole = body[start:]
            if fault in {"reset", "cut", "stall", "trickle"}:
                self.close_connection = True
                self.wfile.write(whole[: len(whole) // 2])
                self.wfile.flush()
            if fault == "reset":
                time.sleep(0.1)  # or the half that was sent is thrown away with the connection
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            elif fault == "stall":
                served.hold.wait(HANG_S)
            elif fault == "trickle":
                for byte in whole[len(whole) // 2 :]:
                    if served.hold.wait(0.05):
                        return
                    self.wfile.write(bytes([byte]))
            elif fault != "cut":
                self.wfile.write(whole)

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # the other side went, or we closed it
                self.close_connection = True

        def finish(self) -> None:
            try:
                super().finish()
            except (OSError, ValueError):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        served.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()
