"""What doctor asks a Dagger engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.cli.doctor.dagger_probe import ask_dagger
from ci.cli.doctor.machine import DaggerAnswer
from ci.engines.dagger.cache import CacheLimits
from ci.engines.dagger.reach import RUNNER_HOST, SESSION_PORT
from tests.dagger.disk import Disk
from tests.dagger.session import Session


@pytest.fixture(autouse=True)
def no_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def served(server: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Disk:
    monkeypatch.setenv(SESSION_PORT, str(server.port))
    monkeypatch.setenv("DAGGER_SESSION_TOKEN", server.token)
    server.forget()
    stage = Disk(stack=tmp_path)
    server.world = stage
    return stage


def test_a_session_tells_the_limits_of_its_cache(served: Disk, server: Session) -> None:
    served.most_bytes, served.min_free_bytes = 2 * 10**9, 60 * 10**9
    assert ask_dagger({SESSION_PORT: str(server.port)}) == DaggerAnswer(
        limits=CacheLimits(most_bytes=2 * 10**9, reserved_bytes=0, min_free_bytes=60 * 10**9)
    )


def test_a_session_of_another_version_is_a_fault(served: Disk, server: Session) -> None:
    served.version = "v0.20.8"
    answer = ask_dagger({SESSION_PORT: str(server.port)})
    assert answer is not None
    assert answer.error.startswith("the engine is v0.20.8, the SDK ")


def test_an_engine_out_of_reach_is_a_fault() -> None:
    answer = ask_dagger({RUNNER_HOST: "unix:///none.sock"})
    assert answer is not None
    assert "does not answer (No such file or directory)" in answer.error


def test_what_nobody_names_is_not_looked_for() -> None:
    assert ask_dagger({}) is None


@pytest.mark.parametrize("environ", [{}, {RUNNER_HOST: "image://registry.dagger.io/engine:v0"}])
def test_no_engine_is_started_to_be_asked(no_programs: Path, environ: dict[str, str]) -> None:
    program(no_programs, "docker")
    program(no_programs, "dagger")
    assert ask_dagger(environ) == DaggerAnswer()
