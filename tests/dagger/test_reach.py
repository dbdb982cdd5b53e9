from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from ci.engines.dagger import reach
from ci.engines.dagger.reach import HTTP2_HELLO, RUNNER_HOST, SESSION_PORT, check_reach, refusal
from ci.errors import EngineError

PROMISED_S = 5.0
"""Within this time an engine that can't be reached is reported."""
PROGRAMS = ("ssh", "kubectl", "docker", "podman")


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "engine.sock"))
        server.listen()
        yield server


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], None]:
    """Lets a program of the search path, which has no other, do what a script says."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return make


def at(path: Path) -> dict[str, str]:
    return {RUNNER_HOST: f"unix://{path / 'engine.sock'}"}


def answer(
    server: socket.socket, reply: bytes, wrap: Callable[[socket.socket], socket.socket] = lambda one: one
) -> threading.Thread:
    def serve() -> None:
        plain, _ = server.accept()
        with plain, wrap(plain) as connection:
            assert connection.recv(100) == HTTP2_HELLO
            if reply:
                connection.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_an_engine_that_greets_is_reached(listening: socket.socket, tmp_path: Path) -> None:
    thread = answer(listening, bytes(9))
    assert refusal(at(tmp_path)) == ""
    thread.join()


def test_a_socket_that_closes_is_no_engine(listening: socket.socket, tmp_path: Path) -> None:
    thread = answer(listening, b"")
    assert "closes the connection: no Dagger engine listens there" in refusal(at(tmp_path))
    thread.join()


def test_the_socket_of_a_dead_engine_is_told_at_once(listening: socket.socket, tmp_path: Path) -> None:
    listening.close()
    assert refusal(at(tmp_path)).endswith("does not answer (Connection refused)")


def test_no_socket_is_told_at_once(tmp_path: Path) -> None:
    assert refusal(at(tmp_path)).endswith("does not answer (No such file or directory)")


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_a_port_that_nobody_listens_at_is_told_at_once(scheme: str) -> None:
    address = f"{scheme}://127.0.0.1:{free_port()}"
    said = refusal({RUNNER_HOST: address})
    assert said == f"the engine at {address} (of {RUNNER_HOST}) does not answer (Connection refused)"


def test_the_limits_are_below_the_promised_time() -> None:
    assert reach.ANSWER_S < reach.LIMIT_S < PROMISED_S


def test_what_never_answers_is_given_up_by_a_limit(
    listening: socket.socket,
    programs: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A silent socket, one with a handshake that never ends, a silent name server, and programs that hang.

    All of them go on until each was given up.
    """
    monkeypatch.setattr(reach, "ANSWER_S", 0.2)
    monkeypatch.setattr(reach, "LIMIT_S", 0.4)
    sleep, release = shutil.which("sleep", path="/bin:/usr/bin"), threading.Event()
    for name in PROGRAMS:
        programs(name, f"exec {sleep} 600")
    known = socket.getaddrinfo

    def silent(host: str, *more: object, **others: object) -> object:
        if host == "never.example":
            release.wait()
        return known(host, *more, **others)  # type: ignore[arg-type] # what it is given is passed on

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        trickle = threading.Thread(target=trickling, args=(server, release), daemon=True)
        trickle.start()
        port = server.getsockname()[1]
        cases = [
            at(tmp_path),
            {RUNNER_HOST: f"tls://127.0.0.1:{port}"},
            {RUNNER_HOST: "tcp://never.example:1234"},
            {RUNNER_HOST: "tls://never.example"},
            {RUNNER_HOST: "ssh://ci@never.example"},
            {RUNNER_HOST: "kube-pod://engine"},
            {RUNNER_HOST: "image://registry.dagger.io/engine:v0"},
            {RUNNER_HOST: "container+podman://engine"},
            {},
        ]
        with ThreadPoolExecutor(len(cases)) as pool:
            found = list(pool.map(refusal, cases))
        release.set()
        trickle.join()
    for case, said in zip(cases, found, strict=True):
        assert re.search(r"no answer (within 0[.]4|in 0[.]2) s|timed out", said), (case, said)


def trickling(server: socket.socket, release: threading.Event) -> None:
    """Send a handshake that never ends, a byte at a time: no single wait for it is long."""
    connection, _ = server.accept()
    with connection, suppress(OSError):  # the other end gives up
        connection.sendall(bytes((22, 3, 3, 64, 0)))  # a record of 16 kB follows
        while not release.wait(0.05):
            connection.sendall(b"\0")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, signed by itself, that server and client share: `cert.pem`, `key.pem`."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        (
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-subj", "/CN=engine", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ),
        check=True,
        capture_output=True,
    )
    return folder


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?ca_path={0}/cert.pem&cert_path={0}/cert.pem&key_path={0}/key.pem", ""),
        ("", "has a certificate that is not accepted here (self-signed certificate); see ca_path"),
        ("?ca_path={0}/cert.pem", "does not answer (|closes the connection"),
    ],
    ids=["with all", "without any", "without its own"],
)
def test_an_engine_with_certificates_is_reached_with_those_of_the_address(
    certificates: Path, query: str, said: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.load_verify_locations(certificates / "cert.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tls://127.0.0.1:{server.getsockname()[1]}{query.format(certificates)}"

        def serve() -> None:
            plain, _ = server.accept()
            try:
                with plain, context.wrap_socket(plain, server_side=True) as connection:
                    assert connection.recv(100) == HTTP2_HELLO
                    connection.sendall(bytes(9))
            except OSError:
                pass  # the client has ended it

        thread = threading.Thread(target=serve)
        thread.start()
        found = refusal({RUNNER_HOST: address})
        thread.join()
    assert any(one in found for one in said.split("|"))
    assert bool(said) == bool(found)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?ca_path=/none.pem", "its certificates can't be read (/none.pem: No such file or directory)"),
        ("?cert_path=/none.pem", "cert_path and key_path belong together, and one of them is missing"),
    ],
)
def test_wrong_certificates_are_named(query: str, said: str) -> None:
    assert refusal({RUNNER_HOST: f"tls://127.0.0.1:1{query}"}).endswith(said)


DIALLED = [
    ("ssh://ci@10.0.0.7:2222", "ssh", "-l ci -p 2222 -- 10.0.0.7 buildctl dial-stdio"),
    ("ssh://h/run/e.sock", "ssh", "-- h buildctl --addr unix:///run/e.sock dial-stdio"),
    (
        "kube-pod://engine?namespace=dagger",
        "kubectl",
        "--context= --namespace=dagger exec --container= -i engine -- buildctl dial-stdio",
    ),
    ("docker-container://engine", "docker", "exec -i engine buildctl dial-stdio"),
    ("container+podman://engine", "podman", "exec -i engine buildctl dial-stdio"),
]


@pytest.mark.parametrize(("address", "program", "words"), DIALLED)
def test_a_program_is_asked_for_the_greeting_of_an_engine(
    programs: Callable[[str, str], None], address: str, program: str, words: str
) -> None:
    said = refusal({RUNNER_HOST: address})
    assert said.endswith(
        (
            f"is reached by {program}, which is not installed",
            f"nothing is installed that would start one ({program})",
        )
    )
    script = f'case "$*" in version) ;; *"{words}") %s;; *) exit 9;; esac'
    programs(program, script % "echo hello")
    assert refusal({RUNNER_HOST: address}) == ""
    programs(program, script % 'echo "no route to host" >&2; exit 255')
    assert refusal({RUNNER_HOST: address}).endswith("dial-stdio`: no route to host)")
    programs(program, script % "exit 0")
    assert refusal({RUNNER_HOST: address}).endswith("dial-stdio`: ended with 0)")


@pytest.mark.parametrize(
    ("address", "program"),
    [
        ("image://registry.dagger.io/engine:v0.21.8", "docker"),
        ("docker-image://registry.dagger.io/engine:v0.21.8", "docker"),
        ("image+podman://registry.dagger.io/engine:v0.21.8", "podman"),
        ("", "nerdctl"),
    ],
)
def test_what_would_start_an_engine_has_to_answer(
    programs: Callable[[str, str], None], address: str, program: str
) -> None:
    assert ": nothing is installed that would start one (" in refusal({RUNNER_HOST: address})
    programs(program, 'test "$*" = version')
    assert refusal({RUNNER_HOST: address}) == ""
    programs(program, 'echo "cannot connect to the daemon" >&2; exit 1')
    said = f"{program} would start one, and `{program} version` fails (cannot connect to the daemon)"
    assert refusal({RUNNER_HOST: address}).endswith(said)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://10.0.0.7", "its scheme is none of unix, tcp, tls, ssh, kube-pod, image, container"),
        ("image+rkt://engine", "its scheme is none of unix, tcp, tls, ssh, kube-pod, image, container"),
        ("10.0.0.7:1234", "its scheme is none of unix, tcp, tls, ssh, kube-pod, image, container"),
        ("tcp://h:abc", "that is no address (Port could not be cast to integer value as 'abc')"),
        ("tcp://h:99999", "that is no address (Port out of range 0-65535)"),
        ("tcp://[::1:12", "that is no address (Invalid IPv6 URL)"),
        ("tcp://10.0.0.7", "it names no port"),
        ("tcp://:1234", "it names no host"),
        ("ssh://", "it names no host"),
    ],
)
def test_what_is_no_address_is_named(address: str, said: str) -> None:
    assert refusal({RUNNER_HOST: address}) == f"the engine at {address} (of {RUNNER_HOST}): {said}"


def test_a_name_that_is_none_is_told() -> None:
    assert "does not answer (" in refusal({RUNNER_HOST: f"tcp://{'a' * 70}.example:1"})


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    said = refusal({RUNNER_HOST: "ssh://ci:hunter2@10.0.0.7"})
    assert said.startswith(f"{RUNNER_HOST} has a password in it")
    assert "hunter2" not in said


def test_without_an_engine_and_without_docker_there_is_none(programs: Callable[[str, str], None]) -> None:
    with pytest.raises(EngineError) as caught:
        check_reach({})
    assert str(caught.value) == (
        f"--engine dagger: no engine is named ({RUNNER_HOST} is not set): nothing is installed that would "
        "start one (docker, container, podman, finch, nerdctl)\n"
        "hint: start it, or build with `--engine buildah`"
    )


def test_a_session_that_is_gone_is_named() -> None:
    port = free_port()
    assert refusal({SESSION_PORT: str(port)}) == (
        f"the session at port {port} (of {SESSION_PORT}) does not answer (Connection refused)"
    )


@pytest.mark.parametrize("port", ["soon", "-1", "65536", "1.5"])
def test_a_session_at_no_port_is_named(port: str) -> None:
    assert refusal({SESSION_PORT: port}) == f"{SESSION_PORT} is '{port}', which is no port"
