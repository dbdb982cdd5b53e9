"""The base by digest, from a real registry on loopback."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import ContainerRun, Output
from ci.errors import CommandError
from ci.names.reference import LOCAL
from ci.settings import Settings
from tests.registry.server import registry as serving

pytestmark = pytest.mark.engine


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path / "registry") as running:
        yield running.host


def bootstrap_name(names: dict[str, str]) -> str:
    return next(name for name in names if "/bootstrap:k-" in name)


async def test_root_images_build_on_a_base_that_is_pulled_by_digest(
    engine: BuildahEngine, settings: Settings, registry: str, tmp_path: Path
) -> None:
    source = LOCAL + bootstrap_name(await engine.images())
    target = f"{registry}/library/python:3.11"
    words = ("push", "--tls-verify=false", "--quiet", "--digestfile", str(tmp_path / "digest"))
    argv = (*engine.privilege.prefix, "buildah", *engine.buildah.storage.options, *words, source, target)
    subprocess.run(argv, check=True)
    digest = (tmp_path / "digest").read_text().strip()
    stack = tmp_path / "stack"
    shutil.copytree(Path(__file__).parents[2] / "docker", stack)
    lock = (stack / "bases.lock.toml").read_text()
    lock = lock.replace("docker.io/library/python", f"{registry}/library/python")
    (stack / "bases.lock.toml").write_text(re.sub(r"sha256:[0-9a-f]{64}", digest, lock))
    done = subprocess.run(
        (sys.executable, "-m", "ci.cli.main", "build", "tmdb:cpu", "--progress", "plain"),
        env={**os.environ, "DOCKWRIGHT_STACK": str(stack)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "base: registry (it answers" in done.stderr
    shown = await engine.run("dockwright/tmdb:cpu", ContainerRun(argv=["python", "-V"]), Output())
    assert shown.startswith("Python 3.11")


async def test_a_digest_that_the_registry_lacks_is_an_error(engine: BuildahEngine, registry: str) -> None:
    with pytest.raises(CommandError, match=r"manifest unknown|not found"):
        await engine.fetch(f"{registry}/library/python@sha256:{'0' * 64}", Output())
