"""Tests of the registry room against Debian's docker-registry on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry.proxy import Proxy, proxied
from tests.registry.server import Registry, registry


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Registry]:
    """A registry that lets everybody in, without TLS."""
    with registry(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def proxy(plain: Registry) -> Iterator[Proxy]:
    """A proxy in front of it."""
    with proxied(plain.host) as running:
        yield running
