"""What goes wrong with a registry while a run goes on costs a warning and a build, and never the run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from tests.engine.killed_stack import change, killed_stack
from tests.hang import HANG_S
from tests.registry.cached import pass_off
from tests.registry.machine import HERE, Machine
from tests.registry.proxy import Fault, Gate, Proxy, Way
from tests.registry.server import Registry, registry, small_disk

pytestmark = pytest.mark.engine
WRITES = ("--cache", "read-write")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with a small stack, which no store and no registry has built before."""
    found = Machine(HERE, killed_stack(tmp_path / "small"))
    change(found.stack, str(tmp_path))
    return found


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", method="POST", path="/kill-three/blobs/", status=503),
        Fault("status", method="PATCH", path="/kill-three/blobs/", status=503),
        Fault("status", method="PATCH", path="/kill-three/blobs/", status=500),
        Fault("status", method="PUT", path="/kill-three/manifests/k-[0-9a-f]{32}$", status=503),
        Fault("status", method="PATCH", path="/kill-three/blobs/", status=429),
        Fault("reset", method="PATCH", path="/kill-three/blobs/"),
    ],
    ids=["post-503", "patch-503", "patch-500", "manifest-503", "patch-429", "reset-in-mid-blob"],
)
def test_what_passes_while_an_image_is_pushed_is_got_over(
    proxy: Proxy, machine: Machine, fault: Fault
) -> None:
    proxy.faults.append(fault)
    ran = machine.build(f"{proxy.host}/team", *WRITES, images=("kill-three",))
    assert (ran.status, ran.report["warnings"]) == (0, []), ran.text
    assert ran.others["push/kill-three:cpu"] == "built"
    assert fault.times == 0


def test_a_registry_whose_disk_is_full_takes_nothing_and_fails_nothing(
    machine: Machine, tmp_path: Path
) -> None:
    folder = tmp_path / "registry"
    with small_disk(folder / "data", 8 * 2**20), registry(folder) as running:
        place = f"{running.host}/team"
        ran = machine.build(place, *WRITES, images=("kill-three",))
        assert (ran.status, ran.rows["kill-three:cpu"]) == (0, "built"), ran.text
        (warning,) = [one for one in ran.report["warnings"] if one.startswith("base:cpu is built")]
        assert warning.startswith("base:cpu is built, and not in the registry: ")
        assert "no space left on device" in (folder / "registry.log").read_text()
        again = machine.build(place, images=("kill-three",))
        assert (again.status, set(again.rows.values())) == (0, {"reused"})


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_registry_that_stops_while_an_image_is_pushed(
    machine: Machine, plain: Registry, proxy: Proxy, comes_back: bool
) -> None:
    gate = Gate(10**6, method="PATCH", path="/kill-three/blobs/")
    proxy.gates.append(gate)
    with ThreadPoolExecutor(1) as pool:
        build = pool.submit(machine.build, f"{proxy.host}/team", *WRITES, images=("kill-three",))
        assert gate.reached.wait(HANG_S)
        plain.stop()
        gate.opened.set()
        if comes_back:
            plain.start()
        ran = build.result()
    assert (ran.status, ran.rows) == (0, {"base:cpu": "reused", "kill-three:cpu": "built"}), ran.text
    if comes_back:
        assert (ran.report["warnings"], ran.others["push/kill-three:cpu"]) == ([], "built")
        return
    (warning,) = ran.report["warnings"]
    assert warning.startswith("kill-three:cpu is built, and not in the registry: ")
    plain.start()
    later = machine.build(f"{proxy.host}/team", *WRITES, images=("kill-three",))
    assert later.others == {"push/kill-three:cpu": "built"}


@pytest.mark.slow(
    reason="an answer without end is ended by a limit that a busy machine does not reach otherwise"
)
@pytest.mark.parametrize("way", ["cut", "trickle"])
def test_a_parent_that_comes_in_part_or_without_end_is_built_here(
    proxy: Proxy, machine: Machine, way: Way
) -> None:
    place, both = f"{proxy.host}/team", ("kill-one", "kill-two")
    assert machine.build(place, *WRITES, images=both).status == 0
    machine.forget("kill-one", "kill-two")
    (machine.stack / "kill-two/content/0.txt").write_text("other")
    proxy.faults.append(Fault(way, method="GET", path="/kill-one/blobs/", times=10**6))
    # an answer without end is ended by the limit that every command has
    machine.more = {"DOCKWRIGHT_STEP_TIMEOUT_S": "60"}
    ran = machine.build(place, images=both)
    assert ran.status == 0, ran.text
    assert ran.rows == {"base:cpu": "reused", "kill-one:cpu": "built", "kill-two:cpu": "built"}
    assert ran.report["warnings"] == ["the registry does not deliver kill-one:cpu; built here instead"]


def test_an_image_whose_own_label_names_another_key_is_built_here(proxy: Proxy, machine: Machine) -> None:
    place, both = f"{proxy.host}/team", ("kill-one", "kill-two")
    assert machine.build(place, *WRITES, images=both).status == 0
    before = machine.wanted("kill-one:cpu")
    (machine.stack / "kill-one/content/0.txt").write_text("other")
    anyio.run(pass_off, proxy.host, before, machine.wanted("kill-one:cpu"))
    ran = machine.build(place, images=both)
    assert ran.status == 0, ran.text
    assert ran.rows == {"base:cpu": "reused", "kill-one:cpu": "built", "kill-two:cpu": "built"}
    assert ran.report["warnings"] == ["the registry does not deliver kill-one:cpu; built here instead"]
    assert "its label has another key" in ran.text
