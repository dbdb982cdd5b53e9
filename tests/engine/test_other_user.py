"""A user without root, and one with sudo as on hosted runners, get the images that root gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.cli.setup.debian import install
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.buildah.find_storage import find_storage
from ci.names.reference import LOCAL
from ci.settings import Settings
from tests.engine.conftest import BASE
from tests.engine.other_user import CHECKOUT, OtherUser, other_user
from tests.hang import HANG_S
from tests.registry.server import registry

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user"),
]
BUILD = ("build", "base", "--variant", "cpu", "--progress", "plain")


async def copy_bootstrap(engine: BuildahEngine, user: OtherUser, folder: Path) -> None:
    """Copy the bootstrap base of the tests' store into that of a user with sudo, whose store is root's."""
    name = next(name for name in await engine.images() if "/bootstrap:" in name)
    own = find_storage(("--root", f"{user.root}/store", "--runroot", f"{user.root}/run"), (), os.environ)
    for storage, words in (
        (engine.buildah.storage, (f"containers-storage:{LOCAL}{name}", f"dir:{folder}/bootstrap")),
        (own, (f"dir:{folder}/bootstrap", f"containers-storage:{LOCAL}{name}")),
    ):
        (folder / "storage.conf").write_text(storage.conf)
        env = {**os.environ, "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf"}
        subprocess.run(("skopeo", "copy", "--quiet", *words), env=env, check=True)


@pytest.fixture
def rootless(settings: Settings) -> Iterator[OtherUser]:
    install({"newuidmap": "uidmap"})
    with other_user(settings.state / "inputs/content", sudo=False) as user:
        yield user


@pytest.fixture
def with_sudo(settings: Settings) -> Iterator[OtherUser]:
    install({"sudo": "sudo"})
    with other_user(settings.state / "inputs/content", sudo=True) as user:
        yield user


@pytest.mark.slow(reason="it builds a base from nothing, and runs the tests of isolation as that user")
async def test_a_user_without_root_builds_checks_pushes_and_cleans_up(
    rootless: OtherUser, engine: BuildahEngine, tmp_path: Path
) -> None:
    looked = rootless.dockwright("doctor", "--json", timeout_s=HANG_S)
    findings = {row["name"]: row for row in json.loads(looked.stdout)["findings"]}
    assert looked.returncode == 0, looked.stdout
    assert findings["rights"]["message"].startswith("rootless Buildah, with 65536 subordinate ids")
    assert findings["layers"]["message"] == "stored by the driver overlay"

    with registry(tmp_path / "registry") as server:
        cache = ("--registry", f"{server.host}/tests", "--cache", "read-write")
        built = rootless.dockwright(*BUILD, *cache, timeout_s=HANG_S)
        assert built.returncode == 0, built.stdout + built.stderr
        assert "warning" not in built.stderr
        (row,) = rootless.report()["images"]
        assert row["action"] == "built"
        assert [path.name for path in (server.data / "repositories/tests").iterdir()] == ["base"]
    assert row["digest"] == (await engine.images())[BASE]
    # the hostile program looks for a file in this user's home, by chroot and by runc
    pytest_ = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=0")
    attack = ("--basetemp", f"{rootless.home}/attack", "tests/engine/test_isolation.py")
    attacked = rootless.run("env", f"--chdir={CHECKOUT}", *pytest_, *attack, timeout_s=HANG_S)
    assert attacked.returncode == 0, attacked.stdout + attacked.stderr
    assert "skipped" not in attacked.stdout

    shell = rootless.dockwright("shell", "base:cpu", "--", "id", "-u", timeout_s=HANG_S)
    assert (shell.returncode, shell.stdout) == (0, "1000\n"), shell.stderr
    cleaned = rootless.dockwright("gc", "--all", "--yes", timeout_s=HANG_S)
    assert cleaned.returncode == 0, cleaned.stdout + cleaned.stderr
    listed = rootless.dockwright("plan", "base:cpu", "--json", timeout_s=HANG_S)
    assert [image["action"] for image in json.loads(listed.stdout)["images"]] == ["build"], listed.stderr


@pytest.mark.slow(reason="it builds a base as that user")
async def test_a_user_with_sudo_gets_the_images_of_root(
    with_sudo: OtherUser, engine: BuildahEngine, tmp_path: Path
) -> None:
    await copy_bootstrap(engine, with_sudo, tmp_path)
    built = with_sudo.dockwright(*BUILD, timeout_s=HANG_S)
    assert built.returncode == 0, built.stdout + built.stderr
    (row,) = with_sudo.report()["images"]
    assert row["digest"] == (await engine.images())[BASE]
