"""A registry with TLS: our own client and the engine's programs both push to it, and fetch from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from ci.engines.process.privilege import find_privilege
from ci.engines.process.runner import Runner as ProcessRunner
from ci.run.cleanup.folders import remove_folder
from tests.engine.killed_stack import change, killed_stack
from tests.registry.machine import HERE, Machine
from tests.registry.server import registry

pytestmark = pytest.mark.engine

IMAGE = "kill-three"


@pytest.fixture
def cold(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cold"
    anyio.run(remove_folder, tmp_path / "cold", ProcessRunner(), find_privilege().prefix)


def test_what_is_pushed_by_tls_is_reused_fetched_and_released(tmp_path: Path, cold: Path) -> None:
    stack = killed_stack(tmp_path / "small")
    change(stack, f"by TLS {tmp_path}")
    with registry(tmp_path / "registry", tls=True) as running:
        authority = tmp_path / "authorities.pem"
        shutil.copyfile(tmp_path / "registry" / "tls.crt", authority)
        here = Machine(HERE, stack, {"SSL_CERT_FILE": str(authority)})
        place = f"{running.host}/team"
        distrusting = Machine(HERE, stack).build(place, "--cache", "read-write", images=(IMAGE,))
        assert "certificate is not trusted on this machine" in distrusting.text
        assert distrusting.status == 0
        pushed = here.build(place, "--cache", "read-write", images=(IMAGE,))
        assert pushed.others == {"push/base:cpu": "built", f"push/{IMAGE}:cpu": "built"}, pushed.text
        there = Machine(str(cold), stack, here.more)
        found = there.dockwright("smoke", IMAGE, "--registry", place, "--progress", "plain")
        assert found.returncode == 0, found.stderr
        assert "the registry has this key" in found.stderr
        published = here.dockwright(
            "publish", "--variant", "cpu", "--registry", place, "--version", "1", "--bootstrap-base"
        )
        assert published.returncode == 0, published.stderr
        assert here.dockwright("verify", "--registry", place).returncode == 0
