from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.engines import dagger_reach
from ci.engines.dagger_reach import HTTP2_HELLO, RUNNER_HOST, SESSION_PORT, check_reach, refusal
from ci.errors import EngineError


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dagger_reach, "PROBE_S", 0.2)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "engine.sock"))
        server.listen()
        yield server


def at(path: Path) -> dict[str, str]:
    return {RUNNER_HOST: f"unix://{path / 'engine.sock'}"}


def answer(server: socket.socket, reply: bytes) -> threading.Thread:
    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            assert connection.recv(100) == HTTP2_HELLO
            if reply:
                connection.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_an_engine_that_greets_is_reached(listening: socket.socket, tmp_path: Path) -> None:
    thread = answer(listening, bytes(9))
    assert refusal(at(tmp_path)) == ""
    thread.join()


def test_a_socket_that_closes_is_no_engine(listening: socket.socket, tmp_path: Path) -> None:
    thread = answer(listening, b"")
    assert "closes the connection: no Dagger engine listens there" in refusal(at(tmp_path))
    thread.join()


def test_a_socket_that_is_silent_is_waited_for_once(listening: socket.socket, tmp_path: Path) -> None:
    assert refusal(at(tmp_path)).endswith("does not answer (timed out)")


def test_the_socket_of_a_dead_engine_is_told_at_once(listening: socket.socket, tmp_path: Path) -> None:
    listening.close()
    assert refusal(at(tmp_path)).endswith("does not answer (Connection refused)")


def test_no_socket_is_told_at_once(tmp_path: Path) -> None:
    assert refusal(at(tmp_path)).endswith("does not answer (No such file or directory)")


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_a_port_that_nobody_listens_at_is_told_at_once(scheme: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = refusal({RUNNER_HOST: f"{scheme}://127.0.0.1:{port}"})
    address = f"{scheme}://127.0.0.1:{port}"
    assert said == f"the engine at {address} (of {RUNNER_HOST}) does not answer (Connection refused)"


@pytest.mark.parametrize(
    ("address", "program"),
    [
        ("ssh://ci@10.0.0.7", "ssh"),
        ("kube-pod://engine?namespace=dagger", "kubectl"),
        ("image://registry.dagger.io/engine:v0.21.8", "docker"),
        ("image+podman://registry.dagger.io/engine:v0.21.8", "podman"),
        ("docker-container://engine", "docker"),
    ],
)
def test_what_reaches_an_engine_has_to_be_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str, program: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal({RUNNER_HOST: address}).endswith(f"is reached by {program}, which is not installed")
    (tmp_path / program).write_text("#!/bin/sh\n")
    (tmp_path / program).chmod(0o755)
    assert refusal({RUNNER_HOST: address}) == ""


def test_an_unknown_scheme_is_named() -> None:
    assert "no such scheme; it is one of unix, tcp, tls" in refusal({RUNNER_HOST: "http://10.0.0.7"})


def test_without_an_engine_and_without_docker_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError) as caught:
        check_reach({})
    assert str(caught.value) == (
        f"--engine dagger: no engine: {RUNNER_HOST} is not set, and no Docker answers that would start one. "
        "Start it, or build with the embedded engine: `--engine buildah`"
    )


def test_a_session_that_is_gone_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert f"the session at port {port} (of {SESSION_PORT})" in refusal({SESSION_PORT: str(port)})
