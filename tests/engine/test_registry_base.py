"""The base by digest, from a real registry on loopback."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.cli.setup.debian import install
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import Output
from ci.errors import CommandError
from ci.names.reference import LOCAL
from ci.settings import Settings

pytestmark = pytest.mark.engine

CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Debian's docker-registry on a free port of loopback; installed where it is missing and root asks."""
    if os.geteuid() != 0 and not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed: apt-get install docker-registry")
    install({"/usr/bin/docker-registry": "docker-registry"})
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "registry.yml"
    config.write_text(CONFIG.format(folder=tmp_path / "registry", port=port))
    with (tmp_path / "registry.log").open("w") as log:
        process = subprocess.Popen(("docker-registry", "serve", str(config)), stdout=log, stderr=log)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def bootstrap_name(names: dict[str, str]) -> str:
    return next(name for name in names if "/bootstrap:k-" in name)


async def test_root_images_build_on_a_base_that_is_pulled_by_digest(
    engine: BuildahEngine, settings: Settings, registry: str, tmp_path: Path
) -> None:
    source = LOCAL + bootstrap_name(await engine.images())
    target = f"{registry}/library/python:3.11"
    words = ("push", "--tls-verify=false", "--quiet", "--digestfile", str(tmp_path / "digest"))
    argv = (*engine.buildah.privilege, "buildah", *engine.buildah.store, *words, source, target)
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
    shown = await engine.run("dockwright/tmdb:cpu", ["python", "-V"], output=Output())
    assert shown.startswith("Python 3.11")


async def test_a_digest_that_the_registry_lacks_is_an_error(engine: BuildahEngine, registry: str) -> None:
    with pytest.raises(CommandError, match=r"manifest unknown|not found"):
        await engine.fetch(f"{registry}/library/python@sha256:{'0' * 64}", Output())
