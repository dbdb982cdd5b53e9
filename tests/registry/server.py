"""Debian's docker-registry on loopback, in every way that it can ask who is there."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ci.cli.setup.debian import install
from tests.hang import HANG_S

USER, SECRET = "ci", "a-secret-of-the-tests"
# bcrypt of SECRET, the one hash that docker-registry takes; made by crypt.crypt(…, METHOD_BLOWFISH)
HTPASSWD = f"{USER}:$2b$04$tcZA.Mf5Ns2MTQ4WIgv0IedK7xSUDBcb6x5n1jLXv8xjQY2gdAdGq\n"
CONFIG = """\
version: 0.1
log: {{accesslog: {{disabled: true}}, level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"{tls}}}
{auth}
"""


def free_port() -> int:
    """Return a port that nobody uses, and that Linux gives to no connection: those begin at 32768.

    Other workers take ports at the same time, and a registry that is stopped gets its own again.
    """
    while True:
        port = random.randrange(15_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@dataclass
class Registry:
    """A registry that runs, or has been stopped; its data stays."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data/docker/registry/v2"

    def start(self) -> None:
        with (self.folder / "registry.log").open("ab") as log:
            argv = ("docker-registry", "serve", str(self.folder / "registry.yml"))
            self.process = subprocess.Popen(argv, stdout=log, stderr=log)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "registry.log").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=HANG_S)
            self.process = None


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[None]:
    """Let `folder` be a disk of its own, with room for so many bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = ("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder))
    if subprocess.run(argv, capture_output=True, check=False).returncode != 0:
        pytest.skip("a disk of its own can't be mounted here: that needs root")
    try:
        yield
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


@contextmanager
def registry(folder: Path, *, tls: bool = False, auth: str = "") -> Iterator[Registry]:
    """Run a registry below `folder`; `auth` is what its configuration says of that."""
    if os.geteuid() != 0 and not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed: apt-get install docker-registry")
    install({"/usr/bin/docker-registry": "docker-registry"})
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    words = ""
    if tls:
        certificate(folder)
        words = f", tls: {{certificate: {folder}/tls.crt, key: {folder}/tls.key}}"
    config = CONFIG.format(folder=folder, port=port, tls=words, auth=auth)
    (folder / "registry.yml").write_text(config)
    running = Registry(folder, port)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def certificate(folder: Path) -> None:
    """Write `tls.key` and a certificate of 127.0.0.1 that signs itself, `tls.crt`."""
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tests"]
    argv += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "tls.key", "-out", "tls.crt"]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)


def basic(folder: Path, user: str = USER) -> str:
    """Return the configuration for a user and a password."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(HTPASSWD.replace(USER, user, 1))
    return f"auth: {{htpasswd: {{realm: tests, path: {folder}/htpasswd}}}}"


@dataclass
class TokenServer:
    """Gives tokens to USER, of what it is asked for; `asked` are the scopes, `lives_s` how long one holds.

    `reads_only` are users, with the repositories (a regular expression) that each may only read; all have
    the same secret. `asked_by` are the users with their scopes.
    """

    folder: Path
    realm: str = ""
    lives_s: int = 300
    asked: list[list[str]] = field(default_factory=list)
    allows: tuple[str, ...] = ("pull", "push")
    status: int = 200
    reads_only: dict[str, str] = field(default_factory=lambda: {USER: "(?!)"})
    asked_by: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def answer(self, url: str, authorization: str) -> tuple[int, dict[str, Any]]:
        query = parse_qs(urlsplit(url).query)
        scopes = [one for text in query.get("scope", []) for one in text.split(" ")]
        self.asked.append(scopes)
        if self.status != 200:
            return self.status, {}
        said = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        user, _, secret = said.partition(":")
        if user not in self.reads_only or secret != SECRET:
            return 401, {"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]}
        self.asked_by.append((user, tuple(scopes)))
        access = [self.access(one, user) for one in scopes]
        return 200, {"token": self.token(access), "expires_in": self.lives_s}

    def access(self, scope: str, user: str = USER) -> dict[str, Any]:
        kind, name, actions = scope.split(":")
        allows = ("pull",) if re.fullmatch(self.reads_only[user], name) else self.allows
        return {
            "type": kind,
            "name": name,
            "actions": [one for one in actions.split(",") if one in allows],
        }

    def token(self, access: list[dict[str, Any]]) -> str:
        now = int(time.time())
        pem = (self.folder / "tls.crt").read_text().splitlines()
        head = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(line for line in pem if "-" not in line[:2])]}
        body = {
            "iss": "tests",
            "sub": USER,
            "aud": "registry",
            "exp": now + self.lives_s,
            "nbf": now - 10,
            "iat": now,
            "jti": str(time.monotonic_ns()),
            "access": access,
        }
        text = ".".join(encoded(json.dumps(part).encode()) for part in (head, body))
        argv = ("openssl", "dgst", "-sha256", "-sign", str(self.folder / "tls.key"))
        signed = subprocess.run(argv, input=text.encode(), check=True, capture_output=True).stdout
        return f"{text}.{encoded(signed)}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def token_server(folder: Path) -> Iterator[tuple[TokenServer, str]]:
    """Run a token server; yield it and the configuration of a registry that wants its tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate(folder)
    tokens = TokenServer(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, value = tokens.answer(self.path, self.headers.get("Authorization", ""))
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    tokens.realm = f"http://127.0.0.1:{server.server_port}/token"
    words = f"realm: '{tokens.realm}', service: registry, issuer: tests, rootcertbundle: {folder}/tls.crt"
    try:
        yield tokens, f"auth: {{token: {{{words}}}}}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
