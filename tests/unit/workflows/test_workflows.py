"""What holds for each workflow whatever starts it: least rights, pinned actions, one call a step."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from ci.catalog.load import load_stack
from ci.plan.levels import distances
from ci.plan.plan import Inventory, make_plan, select
from ci.run.build.matrix import matrix
from tests.workflows import dagger
from tests.workflows.document import CHECKOUT, FOLDER, LOCAL, action, steps, workflow, workflows

WORKFLOWS = {one.name: one for one in workflows()}
JOBS = [(name, job) for name, one in WORKFLOWS.items() for job in one.jobs]
IMAGES = WORKFLOWS["images.yml"]
LEVELS = tuple(job for job in IMAGES.jobs if job.startswith("level-"))
PINNED = re.compile(r"uses: [\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
ROOM = re.compile(r'\./dockwright doctor --disk-gb (\d+|"\$DISK_GB")$')
TAKES = re.compile(r"dagger call|\./dockwright (build|build-all|smoke|publish)\b|\.ci/run")
"""What builds images, or fetches them."""
TAKES_NONE = {"lint", "plan", "base-drift"}
READS = {"contents": "read", "packages": "read"}
RIGHTS = {
    **{job: {"contents": "read"} for job in ("lint", "tests", "everything")},
    **{job: {**READS} for job in ("plan", "pull-request")},
    **{job: {**READS, "packages": "write"} for job in (*LEVELS, "smoke", "gpu-smoke", "publish")},
    "base-drift": {"contents": "write", "pull-requests": "write"},
}
STACK = load_stack(CHECKOUT / "docker")


def job_of(name: str, job: str) -> Mapping[str, Any]:
    value: Mapping[str, Any] = WORKFLOWS[name].jobs[job]
    return value


def texts() -> list[str]:
    files = [*(CHECKOUT / FOLDER).glob("*.yml"), *(CHECKOUT / ".github/actions").glob("*/action.yml")]
    return [line for file in files for line in file.read_text().splitlines()]


def test_a_workflow_has_no_rights_but_those_of_its_jobs() -> None:
    assert [name for name, one in WORKFLOWS.items() if one.value["permissions"] != {}] == []
    assert {job: job_of(name, job)["permissions"] for name, job in JOBS} == RIGHTS


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_has_an_end_and_keeps_no_credentials(name: str, job: str) -> None:
    value = job_of(name, job)
    assert value["timeout-minutes"] <= 180
    first = value["steps"][0]
    assert first["uses"].startswith("actions/checkout@")
    assert first["with"] == {"persist-credentials": False}


def test_every_action_of_others_is_pinned_by_commit_with_its_version_beside() -> None:
    lines = [line.strip().removeprefix("- ") for line in texts() if "uses:" in line]
    assert len(lines) > len(JOBS)
    assert [line for line in lines if LOCAL not in line and not PINNED.match(line)] == []
    commits = {line.split("@")[0]: set[str]() for line in lines if "@" in line}
    for line in lines:
        if "@" in line:
            commits[line.split("@")[0]].add(line)
    assert [found for found in commits.values() if len(found) > 1] == []


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_step_is_one_call_without_an_expression_in_it(name: str, job: str) -> None:
    for step in steps(job_of(name, job)):
        line = str(step.get("run", "true"))
        assert "${{" not in line
        assert len(line.splitlines()) == 1
        assert re.search(r"&&|\|\||;|\$\(|`|^(if|for|while|case)\b", line) is None, line


def test_what_runs_code_of_others_is_started_with_no_rights_to_write() -> None:
    assert [name for name, one in WORKFLOWS.items() if "pull_request_target" in one.events] == []
    for job in (*LEVELS, "smoke", "gpu-smoke"):
        assert "github.event_name != 'pull_request'" in IMAGES.jobs[job]["if"]
    assert "github.event_name == 'push'" in IMAGES.jobs["publish"]["if"]
    assert IMAGES.jobs["publish"]["environment"] == "release"


def test_each_call_of_dagger_says_what_it_needs_and_no_more() -> None:
    called = set()
    for name, job in JOBS:
        for step in steps(job_of(name, job)):
            words = shlex.split(str(step.get("run", "")))
            if words[:2] != ["dagger", "call"]:
                continue
            given, (function, *rest) = dagger.read_options(words[2:])
            options, _ = dagger.read_options(rest)
            assert set(given) <= dagger.MODULE
            assert dagger.NEEDED.get(function, set()) <= set(options) <= dagger.FUNCTIONS[function]
            called.add(function)
    assert called == set(dagger.FUNCTIONS)


def test_dagger_is_of_one_version() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert f"dagger-io=={IMAGES.value['env']['DAGGER_VERSION']}" in project["dependencies"]
    asked = [line.strip() for line in texts() if line.strip().startswith("version: ")]
    assert set(asked) == {"version: ${{ env.DAGGER_VERSION }}"}


def test_the_workflow_has_a_job_for_each_level_of_the_stack() -> None:
    levels = max(distances(STACK).values()) + 1
    assert list(LEVELS) == [f"level-{number}" for number in range(levels)]


@pytest.mark.parametrize("job", LEVELS)
def test_a_level_waits_for_all_lower_ones_and_outlives_the_skipped(job: str) -> None:
    assert IMAGES.needs(job) == ("plan", *LEVELS[: LEVELS.index(job)])
    condition = " ".join(IMAGES.jobs[job]["if"].split())
    assert condition == (
        "${{ !cancelled() && !failure() && github.event_name != 'pull_request' "
        f"&& needs.plan.outputs.{job} != '' }}}}"
    )
    assert f"needs.plan.outputs.{job}-large" in IMAGES.jobs[job]["runs-on"]
    given = IMAGES.jobs[job]["steps"][1]["with"]
    assert given["images"] == f"${{{{ needs.plan.outputs.{job} }}}}"
    assert given["disk-gb"] == f"${{{{ needs.plan.outputs.{job}-disk-gb }}}}"


def test_nothing_is_released_before_every_level_and_check() -> None:
    assert IMAGES.needs("publish") == ("plan", *LEVELS, "smoke", "gpu-smoke")
    assert IMAGES.needs("smoke") == ("plan", *LEVELS)


def test_the_plan_hands_on_what_the_matrix_gives() -> None:
    ids = select(STACK, (), ())
    plan = make_plan(STACK, Inventory(), base="bootstrap", selected=ids, rebuild=ids)
    given = {line.partition("=")[0] for line in matrix(STACK, plan, remote={}, capacity=2).output_lines()}
    for name, text in IMAGES.jobs["plan"]["outputs"].items():
        assert text == f"${{{{ steps.matrix.outputs.{name} }}}}"
        assert name in given


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_the_room_is_looked_for_before_images_are_built_or_fetched(name: str, job: str) -> None:
    found = [
        "room" if ROOM.match(str(step.get("run", ""))) else "takes"
        for step in steps(job_of(name, job))
        if ROOM.match(str(step.get("run", "")))
        or TAKES.match(str(step.get("run", "")))
        or str(step.get("uses", "")).startswith("dagger/")
    ]
    assert found[:1] == ([] if job in TAKES_NONE else ["room"])
    assert (len(found) > 1) == (job not in TAKES_NONE)


def test_the_room_that_is_looked_for_is_what_the_matrix_says() -> None:
    jobs = workflow("images.yml").jobs
    asked = {
        job: step["env"]["DISK_GB"]
        for job in jobs
        for step in jobs[job]["steps"]
        if ROOM.match(step.get("run", ""))
    }
    assert asked == {
        "smoke": "${{ needs.plan.outputs.checks-smoke-gb }}",
        "gpu-smoke": "${{ steps.cuda.outputs.images-smoke-gb }}",
        "publish": "${{ steps.left.outputs.checks-disk-gb }}",
    }
    (given,) = [
        step["env"]["DISK_GB"]
        for step in action(".github/actions/build")["runs"]["steps"]
        if ROOM.match(step.get("run", ""))
    ]
    assert given == "${{ inputs.disk-gb }}"
