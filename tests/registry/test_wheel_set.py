"""All wheels of a wheelhouse in a registry: a runner needs no index, and whoever reads them no dockwright."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ci.settings import Settings, read_settings
from tests.engine.luck import serving, sha
from tests.engine.luck_stack import LuckStack, luck_stack
from tests.engine.test_luck_build import THING, offer
from tests.registry.machine import HERE, Machine
from tests.registry.proxy import Fault, Proxy

pytestmark = pytest.mark.engine
ALL = ("--cache", "read-write", "--wheels", "all")


@pytest.fixture
def settings() -> Settings:
    return read_settings()


@pytest.fixture
def stack(tmp_path: Path) -> LuckStack:
    return luck_stack(tmp_path / "stack")


@pytest.fixture
def here(stack: LuckStack, tmp_path: Path, proxy: Proxy) -> tuple[Machine, bytes]:
    """A machine that has pushed one wheel of its own, and those of the builder; the index is gone since."""
    with serving() as served:
        data = offer(stack, served, tmp_path)
        machine = Machine(HERE, stack.path, {"PIP_INDEX_URL": f"{served.url}/simple"})
        ran = machine.build(f"{proxy.host}/team", *ALL, images=("luck",))
        assert ran.status == 0, ran.text
        assert ran.report["warnings"] == []
    return machine, data


def lose(settings: Settings, data: bytes, stack: LuckStack) -> None:
    """Be a runner that has not this wheel, and something to build of it."""
    (settings.state / "inputs/content" / sha(data)).unlink()
    (settings.state / "inputs/wheelhouse/cpu/wheels" / THING).unlink()
    toml = stack.path / "luck/image.toml"
    toml.write_text(toml.read_text().replace("An image", "Another image"))


def test_a_runner_builds_from_the_wheels_of_the_registry_alone(
    here: tuple[Machine, bytes], stack: LuckStack, settings: Settings, proxy: Proxy
) -> None:
    machine, data = here
    place = f"{proxy.host}/team"
    lose(settings, data, stack)
    proxy.seen.clear()
    without = machine.build(place, images=("luck",))
    assert without.status == 4, without.text
    assert proxy.count("GET", sha(data)) == 0
    ran = machine.build(place, *ALL, images=("luck",))
    assert ran.status == 0, ran.text
    assert ran.report["warnings"] == []
    assert "1 of 1 files fetched from the registry" in ran.text
    assert proxy.count("GET", sha(data)) == 1
    # the set of the same locks is there: it is asked for, and no file of it is sent again
    assert proxy.count("PUT|PATCH|POST", "/wheelhouse/") == 0


def test_a_file_with_other_bytes_is_not_kept_and_the_index_is_asked(
    here: tuple[Machine, bytes], stack: LuckStack, settings: Settings, proxy: Proxy, tmp_path: Path
) -> None:
    machine, data = here
    lose(settings, data, stack)
    proxy.faults.append(Fault("other-bytes", method="GET", path="/wheelhouse/blobs/"))
    with serving() as served:
        offer(stack, served, tmp_path)
        machine.more["PIP_INDEX_URL"] = f"{served.url}/simple"
        ran = machine.build(f"{proxy.host}/team", "--wheels", "all", images=("luck",))
        assert ran.status == 0, ran.text
        assert len(served.asked_for(THING)) == 1
    (warning,) = ran.report["warnings"]
    assert warning.startswith("the wheels of cpu are fetched from the index, not from the registry: ")
    assert "what was downloaded has another digest" in warning
    assert sorted((settings.state / "inputs/partial").glob("*.*.part")) == []


def test_the_set_is_readable_by_others(here: tuple[Machine, bytes], proxy: Proxy, tmp_path: Path) -> None:
    _, data = here
    (path,) = {one.path for one in proxy.seen if "/wheelhouse/manifests/a-" in one.path}
    reference = f"docker://{proxy.host}/team/wheelhouse:{path.rpartition('/')[2]}"
    argv = ("skopeo", "copy", "--quiet", "--src-tls-verify=false", reference, f"dir:{tmp_path / 'out'}")
    subprocess.run(argv, check=True)
    layers = json.loads((tmp_path / "out/manifest.json").read_text())["layers"]
    titles = {layer["annotations"]["org.opencontainers.image.title"]: layer["digest"] for layer in layers}
    assert titles[THING] == f"sha256:{sha(data)}"
    assert (tmp_path / "out" / sha(data)).read_bytes() == data
    assert any(title.startswith("uv-") for title in titles)
