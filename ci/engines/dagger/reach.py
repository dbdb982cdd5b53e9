"""Whether a Dagger engine can be reached, found out in seconds: the SDK would wait for ten minutes.

Each address is tried the way Dagger itself takes, up to the first byte that an engine sends.

Source: Dagger 0.21.8, engine/client/drivers: the schemes of a runner host, and what each dials; measured: an
address that nobody listens at, and the socket of a dead engine, both block a session until its deadline.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from threading import Thread
from urllib.parse import SplitResult, parse_qs, urlsplit

from ci.errors import EngineError

RUNNER_HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
SESSION_PORT = "DAGGER_SESSION_PORT"
LIMIT_S = 4.0
"""Time limit for the whole check."""
ANSWER_S = 3.5
"""Time limit for one connection or program; below the other, so that no program is left running."""
HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""The connection preface with empty settings, which a server answers. Source: RFC 9113, section 3.4."""
DIAL = ("buildctl", "dial-stdio")
"""Connects its input and output with the engine in the same container."""
RUNNERS = {
    "docker": ("docker", "version"),
    "apple": ("container", "system", "status"),
    "podman": ("podman", "version"),
    "finch": ("finch", "version"),
    "nerdctl": ("nerdctl", "version"),
}
"""What can start an engine, and how Dagger asks whether it is there; the first that is installed is taken."""
LEGACY = {"docker-image": "image+docker", "docker-container": "container+docker"}
SCHEMES = ("unix", "tcp", "tls", "ssh", "kube-pod", "image", "container")


def refusal(environ: Mapping[str, str]) -> str:
    """Return why no engine can be reached, as a sentence; empty where one answers, or could be started.

    It takes `LIMIT_S` at most: what can't be interrupted, such as a silent name server, is left behind.
    """
    found: list[str | Exception] = []

    def ask() -> None:
        try:
            found.append(_reason(environ))
        except Exception as error:  # raised below, where the caller is
            found.append(error)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    if not found:
        return f"{_what(environ)}: no answer within {LIMIT_S:g} s"
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def check_reach(environ: Mapping[str, str]) -> None:
    """Check within seconds whether an engine can be reached.

    Raises:
        EngineError: there is none.
    """
    reason = refusal(environ)
    if reason:
        raise EngineError(
            f"--engine dagger: {reason}",
            hint="start it, or build with `--engine buildah`",
        )


def _what(environ: Mapping[str, str]) -> str:
    if port := environ.get(SESSION_PORT):
        return f"the session at port {port} (of {SESSION_PORT})"
    if address := environ.get(RUNNER_HOST):
        return f"the engine at {address} (of {RUNNER_HOST})"
    return f"no engine is named ({RUNNER_HOST} is not set)"


def _reason(environ: Mapping[str, str]) -> str:
    what = _what(environ)
    if port := environ.get(SESSION_PORT):
        if not port.isdecimal() or int(port) >= 2**16:
            return f"{SESSION_PORT} is {port!r}, which is no port"
        return _tcp("127.0.0.1", int(port), what, hello=False)
    address = environ.get(RUNNER_HOST, "")
    if not address:
        return _starts(tuple(RUNNERS), what)
    try:
        url = urlsplit(address)
        # the others name an image, a container or a pod, which may hold a colon and capital letters
        by_port = url.scheme in ("tcp", "tls", "ssh")
        host, port_ = (url.hostname or "", url.port) if by_port else (url.netloc.rpartition("@")[2], None)
    except ValueError as error:
        return f"{what}: that is no address ({error})"
    if url.password is not None:
        return f"{RUNNER_HOST} has a password in it, which Dagger does not take; ssh has its keys"
    scheme, _, runner = LEGACY.get(url.scheme, url.scheme).partition("+")
    runners = (runner,) if runner else tuple(RUNNERS)
    if scheme not in SCHEMES or not set(runners) <= set(RUNNERS):
        return f"{what}: its scheme is none of {', '.join(SCHEMES)}"
    if scheme != "unix" and not host:
        return f"{what}: it names no host"
    match scheme:
        case "unix":
            return _unix(address.partition("://")[2], what)
        case "tcp":
            return _tcp(host, port_, what, hello=True) if port_ else f"{what}: it names no port"
        case "tls":
            return _tls(host, port_ or 443, parse_qs(url.query), what)
        case "ssh":
            return _dialled(_ssh(url), what)
        case "kube-pod":
            return _dialled(_kubectl(url), what)
        case "image":
            return _starts(runners, what)
        case _:
            reason = _starts(runners, what)
            program = next((RUNNERS[name][0] for name in runners if shutil.which(RUNNERS[name][0])), "")
            return reason or _dialled((program, "exec", "-i", host, *DIAL), what)


def _ssh(url: SplitResult) -> tuple[str, ...]:
    """Return what Dagger starts, but for what asks nobody and gives up soon."""
    user = ("-l", url.username) if url.username else ()
    port = ("-p", str(url.port)) if url.port else ()
    at = ("--addr", f"unix://{url.path}") if url.path else ()
    quick = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=3")
    return ("ssh", *quick, *user, *port, "--", url.hostname or "", DIAL[0], *at, DIAL[1])


def _kubectl(url: SplitResult) -> tuple[str, ...]:
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    where = tuple(f"--{name}={asked.get(name, '')}" for name in ("context", "namespace"))
    inside = f"--container={asked.get('container', '')}"
    return ("kubectl", *where, "exec", inside, "-i", url.hostname or "", "--", *DIAL)


def _unix(path: str, what: str) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_S)
            connection.connect(path)
            return _greeted(connection, what)
    except OSError as error:
        return f"{what} does not answer ({error.strerror or error})"


def _tcp(host: str, port: int, what: str, *, hello: bool) -> str:
    try:
        with socket.create_connection((host, port), timeout=ANSWER_S) as connection:
            return _greeted(connection, what) if hello else ""
    except (OSError, UnicodeError) as error:  # a name that is none
        return f"{what} does not answer ({getattr(error, 'strerror', None) or error})"


def _tls(host: str, port: int, asked: Mapping[str, Sequence[str]], what: str) -> str:
    """Shake hands with the certificates that the address names, as Dagger does, and wait for the greeting."""
    authority, certificate, key = (asked.get(name, [""])[0] for name in ("ca_path", "cert_path", "key_path"))
    if bool(certificate) != bool(key):
        return f"{what}: cert_path and key_path belong together, and one of them is missing"
    try:
        context = ssl.create_default_context(cafile=authority or None)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Dagger accepts what Python 3.13 does not
        if certificate:
            context.load_cert_chain(certificate, key)
    except OSError as error:
        names = ", ".join(path for path in (authority, certificate, key) if path)
        return f"{what}: its certificates can't be read ({names}: {error.strerror or error})"
    try:
        with (
            socket.create_connection((host, port), timeout=ANSWER_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            return _greeted(connection, what)
    except ssl.SSLCertVerificationError as error:
        return f"{what} has a certificate that is not accepted here ({error.verify_message}); see ca_path"
    except (OSError, UnicodeError) as error:
        return f"{what} does not answer ({getattr(error, 'strerror', None) or error})"


def _greeted(connection: socket.socket, what: str) -> str:
    connection.sendall(HTTP2_HELLO)
    return "" if connection.recv(1) else f"{what} closes the connection: no Dagger engine listens there"


def _starts(runners: Sequence[str], what: str) -> str:
    """Look whether the first of `runners` that is installed answers, which Dagger takes as well."""
    programs = [RUNNERS[name] for name in runners]
    argv = next((argv for argv in programs if shutil.which(argv[0])), None)
    if argv is None:
        names = ", ".join(argv[0] for argv in programs)
        return f"{what}: nothing is installed that would start one ({names})"
    code, _, last = _ran(argv, b"")
    return "" if code == 0 else f"{what}: {argv[0]} would start one, and `{' '.join(argv)}` fails ({last})"


def _dialled(argv: tuple[str, ...], what: str) -> str:
    """Look whether an engine answers through a program that connects with it."""
    if not shutil.which(argv[0]):
        return f"{what} is reached by {argv[0]}, which is not installed"
    _, written, last = _ran(argv, HTTP2_HELLO)
    return "" if written else f"{what} does not answer (`{' '.join(argv)}`: {last})"


def _ran(argv: tuple[str, ...], given: bytes) -> tuple[int | None, bytes, str]:
    """Run a program for `ANSWER_S` at most; return its exit code, its output, and how it ended in words."""
    with tempfile.TemporaryFile() as errors:  # what it leaves running may hold a pipe open
        try:
            done = subprocess.run(
                argv, input=given, stdout=subprocess.PIPE, stderr=errors, check=False, timeout=ANSWER_S
            )
        except subprocess.TimeoutExpired as error:
            return None, error.output or b"", f"no answer in {ANSWER_S:g} s"
        except OSError as error:
            return None, b"", error.strerror or str(error)
        errors.seek(0)
        lines = errors.read().decode(errors="replace").splitlines()
    return done.returncode, done.stdout, lines[-1].strip() if lines else f"ended with {done.returncode}"
