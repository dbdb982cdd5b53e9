"""Tests of the engine on the store of DOCKWRIGHT_ROOT (or the default one), which build-all has filled."""

from __future__ import annotations

import pytest

from ci.engines.choose import choose_engine
from ci.engines.embedded import EmbeddedEngine
from ci.engines.runner import Runner
from ci.settings import Settings, read_settings

BASE = "dockwright/base:cpu"


@pytest.fixture
def settings() -> Settings:
    return read_settings()


@pytest.fixture
def engine(settings: Settings) -> EmbeddedEngine:
    found = choose_engine(settings.with_(engine="buildah"), Runner())
    assert isinstance(found, EmbeddedEngine)
    return found
