"""budget against a release: what it carries is compared, and no fault of the registry fails a publish."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.engine.killed_stack import change, killed_stack
from tests.registry.machine import HERE, Machine
from tests.registry.proxy import Fault, Proxy

pytestmark = pytest.mark.engine
ADDED_BYTES = 3_000_000


def publish(machine: Machine, place: str, version: str) -> str:
    words = ("--variant", "cpu", "--registry", place, "--version", version, "--bootstrap-base")
    done = machine.dockwright("publish", *words)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_growth_since_the_last_release_fails_and_is_named(proxy: Proxy, tmp_path: Path) -> None:
    machine = Machine(HERE, killed_stack(tmp_path / "small"))
    place = f"{proxy.host}/team"
    words = ("budget", "kill-one", "kill-three", "--registry", place)
    change(machine.stack, f"first {tmp_path}")
    publish(machine, place, "1.0")
    same = machine.dockwright(*words)
    assert (same.returncode, f"compared with: release 1.0 of {place}" in same.stdout) == (0, True), (
        same.stderr
    )

    more = random.Random(1).randbytes(ADDED_BYTES)
    (machine.stack / "kill-three/content/more").write_bytes(more)
    built = machine.build(place, images=("kill-one", "kill-two", "kill-three"))
    assert built.status == 0, built.text
    grown = machine.dockwright(*words, "--json")
    assert grown.returncode == 7, grown.stderr
    report = json.loads(grown.stdout)
    breaches = {(row["image"], row["metric"]) for row in report["rows"] if row["verdict"] == "grew"}
    assert breaches == {("kill-three:cpu", "unique")}
    causes = [cause for cause in report["causes"] if cause["kind"] == "layer"]
    assert [(cause["image"], cause["name"]) for cause in causes] == [("kill-three:cpu", "files at /opt/app")]
    assert causes[0]["now"] - causes[0]["before"] >= ADDED_BYTES
    assert "kill-three:cpu: unique grew to" in grown.stderr

    publish(machine, place, "2.0")
    assert machine.dockwright(*words).returncode == 0
    old = machine.dockwright(*words, "--release", "1.0")
    assert (old.returncode, f"compared with: release 1.0 of {place}" in old.stdout) == (7, True)

    promoted = machine.dockwright("promote", place, f"{proxy.host}/production")
    assert promoted.returncode == 0, promoted.stderr
    there = machine.dockwright("budget", "kill-one", "--registry", f"{proxy.host}/production")
    assert f"compared with: release 2.0 of {proxy.host}/production" in there.stdout


def test_a_release_is_made_though_its_figures_are_not_taken(proxy: Proxy, tmp_path: Path) -> None:
    machine = Machine(HERE, killed_stack(tmp_path / "small"))
    place = f"{proxy.host}/team"
    change(machine.stack, f"faults {tmp_path}")
    proxy.faults.append(Fault("status", method="PUT", path=r"/manifests/1\.0\.figures$", status=403))
    said = publish(machine, place, "1.0")
    assert "warning: release 1.0 is made, but without the metrics of its images: " in said
    told = machine.dockwright("budget", "kill-one", "--registry", place)
    assert told.returncode == 0, told.stderr
    assert f"compared with: unknown: release 1.0 of {place} has no metrics" in told.stdout


def test_without_a_release_nothing_is_known_of_before(proxy: Proxy, tmp_path: Path) -> None:
    machine = Machine(HERE, killed_stack(tmp_path / "small"))
    place = f"{proxy.host}/team"
    file = machine.stack / "base/image.toml"
    file.write_text(file.read_text().partition("[budget]")[0])  # its build may have been a slow one
    told = machine.dockwright("budget", "base:cpu", "--registry", place)
    assert (told.returncode, f"compared with: unknown: {place} has no release yet" in told.stdout) == (
        0,
        True,
    ), told
    missing = machine.dockwright("budget", "base:cpu", "--registry", place, "--release", "9.9")
    assert missing.returncode == 9
