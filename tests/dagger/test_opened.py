from __future__ import annotations

import signal
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ci.engines.dagger.cache import CacheLimits
from ci.engines.dagger.engine import DaggerEngine
from ci.engines.dagger.session import CLI_BIN, open_dagger
from ci.engines.engine import Output
from ci.errors import EngineError
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings
from ci.version import dagger_version
from tests.dagger.disk import Disk
from tests.dagger.session import Session
from tests.dagger.world import Stage
from tests.hang import HANG_S

CHECKOUT = Path(__file__).parents[2]
STACK = CHECKOUT / "docker"
"""Ends a test that hangs, and nothing else."""


@pytest.fixture
def served(server: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    """A session that the command line is let into, as by `dagger run`."""
    monkeypatch.setenv("DAGGER_SESSION_PORT", str(server.port))
    monkeypatch.setenv("DAGGER_SESSION_TOKEN", server.token)
    server.forget()
    stage = Stage(stack=tmp_path)
    server.world = stage
    return stage


@asynccontextmanager
async def opened(tmp_path: Path, said: list[str], loopback: str = "") -> AsyncIterator[DaggerEngine]:
    async with open_dagger(tmp_path / "dagger", loopback=loopback, limit_s=9, say=said.append) as engine:
        yield engine


async def test_a_session_gives_an_engine_and_says_nothing(served: Stage, tmp_path: Path) -> None:
    said: list[str] = []
    async with opened(tmp_path, said) as engine:
        assert engine.name == "dagger"
        assert engine.registry is None
    assert said == []


async def test_an_engine_of_another_version_is_refused_by_name(served: Stage, tmp_path: Path) -> None:
    served.version = "v0.20.8"
    with pytest.raises(EngineError, match=rf"the engine is v0\.20\.8, the SDK {dagger_version()}"):
        async with opened(tmp_path, []):
            pass


async def test_a_small_cache_is_warned_about(served: Stage, tmp_path: Path) -> None:
    served.max_used_bytes = 2 * 10**9
    said: list[str] = []
    async with opened(tmp_path, said):
        pass
    (line,) = said
    assert line.startswith("warning: the engine keeps at most 2 GB of cache")


async def test_the_limits_of_its_cache_come_with_an_engine(
    served: Stage, server: Session, tmp_path: Path
) -> None:
    server.world = Disk(stack=tmp_path, most_bytes=200 * 10**9, min_free_bytes=20 * 10**9)
    async with opened(tmp_path, []) as engine:
        assert engine.cache == CacheLimits(
            most_bytes=200 * 10**9, reserved_bytes=0, min_free_bytes=20 * 10**9
        )


@pytest.mark.parametrize(
    ("loopback", "served_by_host"), [("127.0.0.1:5000", True), ("[::1]:5000", True), ("", False)]
)
async def test_a_registry_of_this_machine_is_reached_by_a_service(
    served: Stage, tmp_path: Path, loopback: str, served_by_host: bool
) -> None:
    async with opened(tmp_path, [], loopback) as engine:
        assert (engine.registry is not None) == served_by_host


async def test_what_was_imported_is_kept_and_imported_again_by_the_next_session(
    served: Stage, server: Session, tmp_path: Path
) -> None:
    archive, name = tmp_path / "root.tar", "dockwright/bootstrap:k-1"
    with tarfile.open(archive, "w") as tar:
        tar.add(Path(__file__), "etc/motd")
    async with opened(tmp_path, []) as engine:
        assert not await engine.input_fetcher.import_archived(name, Output())
        await engine.import_root(archive, name, {"LANG": "C.UTF-8"}, Output())
        assert set(await engine.images()) == {name}
    first = imported(server)
    archive.unlink()
    server.forget()
    server.world = served
    async with opened(tmp_path, []) as engine:
        assert await engine.images() == {}
        assert await engine.input_fetcher.import_archived(name, Output())
        assert set(await engine.images()) == {name}
    folder = str(tmp_path / "dagger")
    source = [
        *(("host", {}), ("directory", {"path": folder})),
        ("file", {"path": "dockwright-bootstrap-k-1.tar"}),
    ]
    assert imported(server) == first == [{"source": source}]


def imported(server: Session) -> list[dict[str, Any]]:
    return [given for name, given in server.made if name == "import"]


def test_ctrl_c_ends_a_run_without_a_traceback(served: Stage, tmp_path: Path) -> None:
    settings = Settings(stack=STACK, root=tmp_path / "root", base="bootstrap", engine="dagger")
    workspace = open_workspace(settings)
    name = workspace.root_image.replace("/", "-").replace(":", "-")
    kept = workspace.state.root / f"dagger/{name}.tar"
    kept.parent.mkdir(parents=True)
    kept.touch()
    served.holds = "fetch_"
    argv = ["--stack", str(STACK), "--root", str(tmp_path / "root"), "build", "tmdb:cpu"]
    argv += ["--engine", "dagger", "--base", "bootstrap", "--progress", "plain"]
    run = subprocess.Popen(
        (sys.executable, "-m", "ci.cli.main", *argv),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        if not served.held.wait(HANG_S):
            run.terminate()
            raise AssertionError(run.communicate(timeout=HANG_S)[0])
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=HANG_S)
    finally:
        served.released.set()
        run.kill()
    assert run.returncode == 130, said
    assert "SIGINT: stopping; finished images stay" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("said", ["dagger v0.20.8 (registry) linux/amd64", "nothing"])
async def test_a_dagger_of_another_version_is_refused_before_it_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str
) -> None:
    program = tmp_path / "dagger-program"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    monkeypatch.setenv(CLI_BIN, str(program))
    monkeypatch.setattr("ci.engines.dagger.session.check_reach", lambda _environ: None)
    with pytest.raises(EngineError, match=f"install dagger {dagger_version()}"):
        async with opened(tmp_path, []):
            pass
