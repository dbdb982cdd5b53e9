"""build with a registry: what it has is not built, what it lacks is pushed, and its faults fail nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from ci.engines.process.privilege import find_privilege
from ci.engines.process.runner import Runner as ProcessRunner
from ci.run.build.registry_tasks import MEANWHILE
from ci.run.cleanup.folders import remove_folder
from tests.engine.killed_stack import change, killed_stack
from tests.registry.machine import CHECKOUT, HERE, IMAGE, Machine
from tests.registry.proxy import Fault, Proxy
from tests.registry.watch import watched

pytestmark = pytest.mark.engine


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    folder = tmp_path / "stack"
    shutil.copytree(CHECKOUT / "docker", folder, symlinks=True)
    return folder


@pytest.fixture
def full(stack: Path) -> Machine:
    return Machine(HERE, stack)


@pytest.fixture
def cold(stack: Path, tmp_path: Path) -> Iterator[Machine]:
    runner = Machine(str(tmp_path / "cold"), stack)
    yield runner
    anyio.run(remove_folder, Path(runner.root), ProcessRunner(), find_privilege().prefix)


def change_program(stack: Path) -> None:
    with (stack / IMAGE / f"{IMAGE}.py").open("a") as stream:
        stream.write("# another line\n")


def test_a_cold_runner_builds_nothing_that_the_registry_has(
    proxy: Proxy, full: Machine, cold: Machine
) -> None:
    place = f"{proxy.host}/team"
    pushed = full.build(place, "--cache", "read-write")
    assert (pushed.status, pushed.others) == (0, {"push/base:cpu": "built", f"push/{IMAGE}:cpu": "built"})
    proxy.seen.clear()
    with watched(cold.root) as started:
        found = cold.build(place)
    assert started == set()
    assert (found.status, found.rows) == (0, {"base:cpu": "reused", f"{IMAGE}:cpu": "reused"})
    assert proxy.count(".*", "/blobs/") == 0
    assert len(proxy.seen) <= 1 + 3 * 2  # one asks for the way to log in
    assert "engine: none was needed" in found.text
    assert not Path(cold.root, "store").exists()
    assert found.digest(f"{IMAGE}:cpu") == f"sha256:{pushed.digest(f'{IMAGE}:cpu').removeprefix('sha256:')}"


def test_with_the_cache_off_the_registry_is_asked_nothing(
    proxy: Proxy, full: Machine, tmp_path: Path
) -> None:
    full.stack = killed_stack(tmp_path / "small")
    change(full.stack, str(tmp_path))
    place = f"{proxy.host}/team"
    assert full.build(place, "--cache", "read-write", images=("kill-three",)).status == 0
    full.forget("kill-three")
    proxy.seen.clear()
    ran = full.build(place, "--cache", "off", images=("kill-three",))
    assert (ran.status, ran.rows) == (0, {"base:cpu": "reused", "kill-three:cpu": "built"})
    assert (ran.others, ran.report["warnings"], proxy.seen) == ({}, [], [])


def test_a_changed_program_is_built_on_the_registrys_parent_and_pushed(
    proxy: Proxy, full: Machine, cold: Machine, tmp_path: Path
) -> None:
    place = f"{proxy.host}/team"
    assert full.build(place, "--cache", "read-write").status == 0
    change_program(cold.stack)
    proxy.seen.clear()
    with watched(cold.root) as started:
        built = cold.build(place, "--cache", "read-write")
    assert started == {cold.root}
    assert built.status == 0, built.text
    assert built.rows == {"base:cpu": "reused", f"{IMAGE}:cpu": "built"}
    assert built.others == {f"push/{IMAGE}:cpu": "built"}
    sent = sum(one.got for one in proxy.seen)
    assert sent < 200_000
    # the same image, whether it is built here on the parent of the registry or on the one that was built here
    assert full.build(place, "--rebuild").digest(f"{IMAGE}:cpu") == built.digest(f"{IMAGE}:cpu")
    other = Machine(str(tmp_path / "other"), cold.stack)
    assert other.build(place).rows == {"base:cpu": "reused", f"{IMAGE}:cpu": "reused"}


@pytest.mark.slow(reason="a machine with an empty store fetches the base and all wheels of an image")
def test_wheels_are_fetched_on_the_registrys_base_where_nothing_else_needs_one(
    proxy: Proxy, full: Machine, cold: Machine
) -> None:
    place = f"{proxy.host}/team"
    assert full.build(place, "--cache", "read-write").status == 0
    built = cold.build(place, images=("tmdb",))
    assert built.status == 0, built.text
    assert built.rows == {"base:cpu": "reused", "tmdb:cpu": "built"}
    assert set(built.others) == {"debhouse", "wheelhouse/cpu"}
    # the same image as on the machine that made the base itself
    here = full.build(place, images=("tmdb",))
    assert here.digest("tmdb:cpu").removeprefix("sha256:") == built.digest("tmdb:cpu").removeprefix("sha256:")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", method="POST|PUT|PATCH", status=403, times=10**6),
        Fault("status", method="PUT", path="/manifests/", status=507, times=10**6),
        Fault("reset", method="PATCH", times=10**6),
        Fault("status", method="PUT", path="[.]key$", status=500, times=10**6),
    ],
    ids=["may-not-write", "disk-full", "reset-in-mid-blob", "no-key-document"],
)
def test_what_can_not_be_pushed_is_a_warning(proxy: Proxy, full: Machine, fault: Fault) -> None:
    proxy.faults.append(fault)
    ran = full.build(f"{proxy.host}/team", "--cache", "read-write")
    assert ran.status == 0
    assert set(ran.rows.values()) == {"reused"}
    assert set(ran.others.values()) == {"reused"}
    assert any("and not in the registry" in warning for warning in ran.report["warnings"])


def test_a_blob_that_another_runner_is_sending_is_waited_for(
    proxy: Proxy, full: Machine, tmp_path: Path
) -> None:
    full.stack = killed_stack(tmp_path / "small")
    change(full.stack, str(tmp_path))
    body = b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}'
    path = "/kill-one/manifests/k-[0-9a-f]{32}$"
    proxy.faults.append(Fault("status", method="PUT", path=path, status=404, body=body, times=2))
    ran = full.build(f"{proxy.host}/team", "--cache", "read-write", images=("kill-one",))
    assert (ran.status, ran.report["warnings"]) == (0, [])
    assert ran.others["push/kill-one:cpu"] == "built"
    assert ran.text.count(": blob unknown; retry in ") == 2
    proxy.faults.append(Fault("status", method="PUT", path=path, status=404, body=body, times=10**6))
    change(full.stack, f"again {tmp_path}")
    ran = full.build(f"{proxy.host}/team", "--cache", "read-write", images=("kill-one",))
    assert ran.status == 0
    (warning,) = ran.report["warnings"]
    assert warning.startswith("kill-one:cpu is built, and not in the registry: ")
    assert "blob unknown" in warning


@pytest.mark.parametrize(
    ("status", "told"), [(404, True), (403, False)], ids=["said-to-be-absent", "no-answer"]
)
def test_what_another_runner_built_meanwhile_is_counted_and_what_was_there_before_is_not(
    proxy: Proxy, full: Machine, tmp_path: Path, status: int, told: bool
) -> None:
    full.stack = killed_stack(tmp_path / "small")
    change(full.stack, str(tmp_path))
    place = f"{proxy.host}/team"
    words = ("--cache", "read-write")
    assert full.build(place, *words, images=("kill-three",)).others["push/kill-three:cpu"] == "built"
    full.forget("kill-three")
    # the look-up alone is answered so: as if another runner pushed it afterwards, or by a fault
    proxy.faults.append(Fault("status", method="GET", path="/kill-three/.*[.]key$", status=status))
    ran = full.build(place, *words, images=("kill-three",))
    assert ran.status == 0, ran.text
    assert ran.rows == {"base:cpu": "reused", "kill-three:cpu": "built"}
    assert ran.others == {"push/kill-three:cpu": "reused"}
    assert ran.reasons == {"push/kill-three:cpu": MEANWHILE if told else None}
    line = "built here and by another runner at once: 1 (kill-three:cpu)"
    assert (line in ran.text) is told
    assert len(ran.report["warnings"]) == (0 if told else 1)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "registry.invalid"], ids=["refused", "no-such-name"])
def test_a_registry_that_does_not_answer_is_a_warning(full: Machine, host: str) -> None:
    """RFC 6761: no name that ends with `.invalid` is known to any DNS."""
    ran = full.build(f"{host}/team")
    assert (ran.status, set(ran.rows.values())) == (0, {"reused"})
    assert f"warning: nothing is reused from {host}/team" in ran.text
    published = full.dockwright(
        "publish", "--version", "1.0", "--bootstrap-base", "--registry", f"{host}/team"
    )
    assert published.returncode == 9, published.stderr
    assert f"{host}/v2/: no answer (" in published.stderr


@pytest.mark.slow(reason="it builds four times, once against a registry that sends other bytes")
def test_a_parent_that_the_registry_does_not_give_is_built_here(
    proxy: Proxy, full: Machine, tmp_path: Path
) -> None:
    full.stack = killed_stack(tmp_path / "small")
    change(full.stack, str(tmp_path))
    place = f"{proxy.host}/team"
    both = ("kill-one", "kill-two")
    pushed = full.build(place, "--cache", "read-write", images=both)
    assert set(pushed.others) == {"push/base:cpu", "push/kill-one:cpu", "push/kill-two:cpu"}
    full.forget("kill-one", "kill-two")
    (full.stack / "kill-two/content/0.txt").write_text(f"other {tmp_path}")
    proxy.faults.append(Fault("other-bytes", method="GET", path="/kill-one/blobs/", times=10**6))
    ran = full.build(place, images=both)
    assert ran.status == 0
    assert ran.rows == {"base:cpu": "reused", "kill-one:cpu": "built", "kill-two:cpu": "built"}
    assert ran.report["warnings"] == ["the registry does not deliver kill-one:cpu; built here instead"]
    assert ran.digest("kill-one:cpu") == pushed.digest("kill-one:cpu")
    proxy.faults.clear()
    full.forget("kill-one", "kill-two")
    again = full.build(place, images=both)
    assert again.rows == {"base:cpu": "reused", "kill-one:cpu": "reused", "kill-two:cpu": "built"}
    # what was fetched has the names of a built image, and none that gc would take for somebody else's
    assert not [name for name in full.names() if place in name]
