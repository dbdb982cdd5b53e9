"""Whether a Dagger engine can be reached, found out in seconds: the SDK would wait for ten minutes.

Source: Dagger 0.21.8, engine/client/drivers: the schemes of a runner host; measured: an address that nobody
listens at, and the socket of an engine that is dead, both block a session until its deadline.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Mapping
from urllib.parse import urlsplit

from ci.errors import EngineError

RUNNER_HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
SESSION_PORT = "DAGGER_SESSION_PORT"
PROBE_S = 3.0
HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""The connection preface with empty settings, which a server answers. Source: RFC 9113, section 3.4."""
STARTED_BY = {
    "docker-image": "docker",
    "image": "docker",
    "docker-container": "docker",
    "container": "docker",
}
"""What program each scheme starts an engine with, or finds one by."""


def refusal(environ: Mapping[str, str]) -> str:
    """Return why no engine can be reached, as a sentence; empty where one answers, or could be started."""
    if port := environ.get(SESSION_PORT):
        return _tcp("127.0.0.1", int(port), f"the session at port {port} (of {SESSION_PORT})", hello=False)
    address = environ.get(RUNNER_HOST, "")
    if not address:
        return (
            ""
            if _docker_answers()
            else (f"no engine: {RUNNER_HOST} is not set, and no Docker answers that would start one")
        )
    url = urlsplit(address)
    what = f"the engine at {address} (of {RUNNER_HOST})"
    match url.scheme:
        case "unix":
            return _unix(url.path, what)
        case "tcp":
            return _tcp(url.hostname or "", url.port or 0, what, hello=True)
        case "tls":
            return _tcp(url.hostname or "", url.port or 0, what, hello=False)
        case "ssh":
            return _program("ssh", what)
        case "kube-pod":
            return _program("kubectl", what)
        case scheme if scheme.partition("+")[0] in STARTED_BY:
            return _program(scheme.partition("+")[2] or STARTED_BY[scheme], what)
        case _:
            return f"{what}: no such scheme; it is one of unix, tcp, tls, ssh, kube-pod, image, container"


def check_reach(environ: Mapping[str, str]) -> None:
    """Find out within seconds whether an engine can be reached.

    Raises:
        EngineError: there is none; what to do stands there.
    """
    why = refusal(environ)
    if why:
        raise EngineError(
            f"--engine dagger: {why}. Start it, or build with the embedded engine: `--engine buildah`"
        )


def _unix(path: str, what: str) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PROBE_S)
            connection.connect(path)
            return _greeted(connection, what)
    except OSError as error:
        return f"{what} does not answer ({error.strerror or error})"


def _tcp(host: str, port: int, what: str, *, hello: bool) -> str:
    try:
        with socket.create_connection((host, port), timeout=PROBE_S) as connection:
            return _greeted(connection, what) if hello else ""
    except OSError as error:
        return f"{what} does not answer ({error.strerror or error})"


def _greeted(connection: socket.socket, what: str) -> str:
    connection.settimeout(PROBE_S)
    connection.sendall(HTTP2_HELLO)
    return "" if connection.recv(1) else f"{what} closes the connection: no Dagger engine listens there"


def _program(name: str, what: str) -> str:
    return "" if shutil.which(name) else f"{what} is reached by {name}, which is not installed"


def _docker_answers() -> bool:
    try:
        done = subprocess.run(("docker", "info"), capture_output=True, check=False, timeout=PROBE_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
