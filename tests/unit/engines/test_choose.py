from __future__ import annotations

import shutil
from pathlib import Path

import anyio
import pytest

from ci.engines import choose
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.buildah.isolation import Isolation
from ci.engines.buildah.local_store import BuildahStore
from ci.engines.buildah.storage import DEFAULT
from ci.engines.process.command import ROOT
from tests.fakes.machine import Machine


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine with Buildah; what containers were run for to find out how it isolates steps."""
    found = list[str]()

    def find_isolation(setting: str, *_prefixes: object) -> Isolation:
        found.append(setting)
        return Isolation(runtime="runc")

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(choose, "find_privilege", lambda: ROOT)
    monkeypatch.setattr(choose, "pid_namespace", lambda _prefix: ())
    monkeypatch.setattr(choose, "find_storage", lambda *_: DEFAULT)
    monkeypatch.setattr(choose, "find_isolation", find_isolation)
    return found


def test_no_container_is_run_to_read_the_store(
    tmp_path: Path, trials: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def images(_store: BuildahStore) -> dict[str, str]:
        return {"team/base:1": "a" * 64}

    monkeypatch.setattr(BuildahStore, "images", images)
    workspace = Machine(folder=tmp_path).workspace(engine="buildah")
    assert anyio.run(workspace.store).ids == {"team/base:1": "a" * 64}
    assert trials == []


def test_one_is_run_to_build(tmp_path: Path, trials: list[str]) -> None:
    workspace = Machine(folder=tmp_path).workspace(engine="buildah", isolation="auto")
    engine = anyio.run(workspace.engine)
    assert isinstance(engine, BuildahEngine)
    assert engine.buildah.isolation == Isolation(runtime="runc")
    assert trials == ["auto"]
