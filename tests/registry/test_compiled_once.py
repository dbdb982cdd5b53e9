"""Two machines and one registry: what the first one compiled the second one does not compile."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from ci.engines.process.privilege import find_privilege
from ci.engines.process.runner import Runner as ProcessRunner
from ci.run.cleanup.folders import remove_folder
from tests.registry.machine import CHECKOUT, HERE, Machine
from tests.registry.proxy import Proxy

pytestmark = pytest.mark.engine

IMAGE = "lyrics-detection"
"""It has pyworld, of which there is no wheel."""


@pytest.fixture
def cold(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cold"
    anyio.run(remove_folder, tmp_path / "cold", ProcessRunner(), find_privilege().prefix)


def changed(stack: Path, text: str) -> None:
    with (stack / IMAGE / "pitch.py").open("a") as stream:
        stream.write(f"# {text}\n")


@pytest.mark.slow(reason="it builds base and an image with compiled wheels in a new store")
def test_a_cold_runner_compiles_nothing_that_another_one_has_compiled(
    proxy: Proxy, tmp_path: Path, cold: Path
) -> None:
    stack = tmp_path / "stack"
    shutil.copytree(CHECKOUT / "docker", stack, symlinks=True)
    place = f"{proxy.host}/team"
    changed(stack, f"first {tmp_path.name}")
    first = Machine(HERE, stack).build(place, "--cache", "read-write", images=(IMAGE,))
    assert first.status == 0, first.text
    assert proxy.count("PUT", "/wheelhouse/manifests/w-") == 1
    changed(stack, "second")
    second = Machine(str(cold), stack).build(place, "--rebuild", images=(IMAGE,))
    assert second.status == 0, second.text
    assert second.rows[f"{IMAGE}:cpu"] == "built"
    assert "compiling" not in second.text
    assert proxy.count("GET", "/wheelhouse/manifests/w-") >= 1
