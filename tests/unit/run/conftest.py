"""A machine and a registry in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.engine import FakeEngine
from tests.fakes.machine import Machine
from tests.fakes.registry import FakeRegistry


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(folder=tmp_path)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    registry = FakeRegistry()
    registry.install(monkeypatch)
    return registry


@pytest.fixture
def machines(tmp_path: Path, registry: FakeRegistry) -> tuple[Machine, Machine]:
    """Two machines with one registry."""
    first, second = (
        Machine(folder=tmp_path / name, engine=FakeEngine(registry=registry)) for name in ("a", "b")
    )
    return first, second
