"""Tests of the engine on the store of DOCKWRIGHT_ROOT (or the default one), which build-all has filled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.engines.buildah.engine import BuildahEngine
from ci.engines.choose import choose_engine
from ci.engines.process.runner import Runner
from ci.settings import Settings, read_settings
from tests.engine.luck import Served, serving
from tests.engine.luck_stack import LuckStack, luck_stack

BASE = "dockwright/base:cpu"


@pytest.fixture
def settings() -> Settings:
    return read_settings()


@pytest.fixture
def engine(settings: Settings) -> BuildahEngine:
    found = choose_engine(settings.with_(engine="buildah"), Runner())
    assert isinstance(found, BuildahEngine)
    return found


@pytest.fixture
def served() -> Iterator[Served]:
    """A server on loopback that plays an index or a mirror."""
    with serving() as server:
        yield server


@pytest.fixture
def stack(tmp_path: Path) -> LuckStack:
    """A stack of one small image."""
    return luck_stack(tmp_path / "stack")
