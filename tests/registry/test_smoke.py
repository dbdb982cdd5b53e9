"""smoke: what passed is not repeated, here or on another machine, and what concerns security always is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from ci.engines.process.privilege import find_privilege
from ci.engines.process.runner import Runner as ProcessRunner
from ci.run.cleanup.folders import remove_folder
from ci.settings import read_settings
from tests.registry.machine import CHECKOUT, HERE, Machine
from tests.registry.proxy import Fault, Proxy

pytestmark = pytest.mark.engine

IMAGE = "subtitle-gen"
ID = f"{IMAGE}:cpu"
ALWAYS = {"structure", "size"}
LADDER = {"structure", "size", "contents", "closure", "imports", "programs"}


@pytest.fixture
def full() -> Machine:
    return Machine(HERE, CHECKOUT / "docker")


@pytest.fixture
def cold(tmp_path: Path) -> Iterator[Machine]:
    yield Machine(str(tmp_path / "cold"), CHECKOUT / "docker")
    anyio.run(remove_folder, tmp_path / "cold", ProcessRunner(), find_privilege().prefix)


def smoke(machine: Machine, *words: str) -> tuple[int, str, dict[str, Any]]:
    """Return the exit code, all that was said, and the report's image rows by `image:variant`."""
    done = machine.dockwright("smoke", *words, "--progress", "plain")
    line = next((line for line in done.stdout.splitlines() if "report: " in line), "")
    report = json.loads(Path(line.partition("report: ")[2]).read_text()) if line else {"images": []}
    said = f"{done.stdout}{done.stderr}"
    return done.returncode, said, {f"{row['image']}:{row['variant']}": row for row in report["images"]}


def rungs(row: dict[str, Any], *, recorded: bool) -> set[str]:
    return {check["rung"] for check in row["checks"] if check["recorded"] is recorded}


def test_what_passed_is_not_repeated_and_that_is_said(full: Machine) -> None:
    status, said, rows = smoke(full, IMAGE, "--variant", "cpu", "--no-ledger")
    assert (status, rungs(rows[ID], recorded=False), rungs(rows[ID], recorded=True)) == (0, LADDER, set()), (
        said
    )
    assert smoke(full, IMAGE, "--variant", "cpu")[0] == 0
    status, said, rows = smoke(full, IMAGE, "--variant", "cpu")
    assert (status, rungs(rows[ID], recorded=False)) == (0, ALWAYS), said
    assert rungs(rows[ID], recorded=True) == LADDER - ALWAYS
    line = next(line for line in said.splitlines() if line.startswith(IMAGE))
    count = sum(check["recorded"] and check["status"] == "passed" for check in rows[ID]["checks"])
    assert f"({count} recorded)" in line


def test_an_entry_that_was_changed_is_told_and_its_checks_are_done_again(full: Machine) -> None:
    assert smoke(full, IMAGE, "--variant", "cpu")[0] == 0
    content = smoke(full, IMAGE, "--variant", "cpu")[2][ID]["digest"].removeprefix("sha256:")
    settings = read_settings()
    entries = list((settings.state / "ledger" / content).glob("*.json"))
    assert entries
    for path in entries:
        path.write_text(path.read_text().replace('"status":"passed"', '"status":"failed"'))
    status, said, rows = smoke(full, IMAGE, "--variant", "cpu")
    assert (status, rungs(rows[ID], recorded=False)) == (0, LADDER)
    assert "earlier check results are ignored: its rung" in said


def test_what_one_machine_checked_another_one_takes_from_the_registry(
    proxy: Proxy, full: Machine, cold: Machine
) -> None:
    words = (IMAGE, "--variant", "cpu", "--registry", f"{proxy.host}/team")
    assert smoke(full, *words, "--cache", "read-write", "--no-ledger")[0] == 0
    written = proxy.count("PUT", "/manifests/k-[0-9a-f]{32}[.]smoke-")
    assert written == 2, "nothing is read, and what was found is recorded"
    shutil.rmtree(read_settings().state / "ledger", ignore_errors=True)
    assert smoke(full, *words, "--cache", "read-write")[0] == 0
    assert proxy.count("PUT", "/manifests/k-[0-9a-f]{32}[.]smoke-") == written
    status, said, rows = smoke(cold, *words)
    assert (status, rungs(rows[ID], recorded=True)) == (0, LADDER - ALWAYS), said


def test_a_ledger_out_of_reach_costs_a_warning_and_the_checks(proxy: Proxy, full: Machine) -> None:
    words = (IMAGE, "--variant", "cpu", "--registry", f"{proxy.host}/team")
    shutil.rmtree(read_settings().state / "ledger", ignore_errors=True)
    proxy.faults.append(Fault("status", path="[.]smoke-", times=1000, status=403))
    status, said, rows = smoke(full, *words, "--cache", "read-write")
    assert (status, rungs(rows[ID], recorded=False)) == (0, LADDER)
    assert said.count("warning: earlier check results are not read from the registry: ") >= 1


@pytest.mark.cuda
def test_a_rung_for_a_gpu_is_skipped_without_one_and_fails_where_one_is_required(full: Machine) -> None:
    status, said, rows = smoke(full, "base:cuda", "--gpu")
    (gpu,) = [check for check in rows["base:cuda"]["checks"] if check["rung"] == "gpu"]
    assert (status, gpu["status"]) == (0, "skipped"), said
    assert gpu["detail"] == "there is no /dev/nvidia0, nor another GPU of NVIDIA"
    status, said, rows = smoke(full, "base:cuda", "--require-gpu")
    found = [(one["name"], one["status"]) for one in rows["base:cuda"]["checks"] if one["rung"] == "gpu"]
    assert (status, found) == (7, [("gpu", "skipped"), ("gpu required", "failed")])
    assert "--require-gpu is set, and no GPU can be used: there is no /dev/nvidia0" in said
