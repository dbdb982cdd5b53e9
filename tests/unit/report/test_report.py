"""The report that is made of a run's events."""

import json

import pytest
from pydantic import ValidationError

from ci.report.events import Checkout, PlannedTask, RunEnded
from ci.report.outcome import Outcome
from ci.report.report import FailureRow, ImageRow, Report, TaskRow, report_of
from tests.unit.report.runs import CHECKED_RUN, CPU_CHECKS, CUDA_CHECKS, FAILURE, KEY, RUN, STARTED


def test_a_report_tells_of_images_of_the_rest_and_of_failures() -> None:
    assert report_of(RUN) == Report(
        argv=("dockwright", "build-all"),
        started_at="2026-01-02T03:04:05+00:00",
        settings={"engine": "buildah"},
        versions={"dockwright": "0.1.0"},
        complete=True,
        exit_code=6,
        seconds=95.3,
        images=(
            ImageRow(
                task="base:cpu",
                image="base",
                variant="cpu",
                action=Outcome.reused,
                seconds=0.1,
                reason="its key is in the store",
                log="logs/base-cpu.log",
                unpacked_bytes=170_000_000,
                unique_bytes=1234,
                key=KEY,
            ),
            ImageRow(
                task="base-ml:cpu",
                image="base-ml",
                variant="cpu",
                action=Outcome.failed,
                seconds=61.0,
                log="logs/base-ml-cpu.log",
            ),
            ImageRow(
                task="asr:cpu",
                image="asr",
                variant="cpu",
                action=Outcome.blocked,
                blocked_by=("base-ml:cpu",),
            ),
        ),
        others=(
            TaskRow(
                task="wheelhouse:cpu",
                action=Outcome.built,
                seconds=34.0,
                log="logs/wheelhouse-cpu.log",
                metrics={"wheels": 31},
            ),
        ),
        failures=(
            FailureRow(
                task="base-ml:cpu",
                message=FAILURE.message,
                last_lines=FAILURE.last_lines,
                log="logs/base-ml-cpu.log",
            ),
        ),
        warnings=("base-ml:cpu: the cache can't be read",),
    )


def test_the_log_of_a_killed_run_says_what_was_planned_and_what_went_on() -> None:
    report = report_of(RUN[:7])
    assert [row.action for row in report.images] == ["reused", "unfinished", "planned"]
    assert (report.complete, report.exit_code, report.seconds) == (False, None, 35.0)


def test_a_dry_run_has_everything_planned() -> None:
    report = report_of((STARTED, RunEnded(exit_code=0)))
    assert {row.action for row in (*report.images, *report.others)} == {"planned"}
    assert report.complete


def test_each_image_has_the_checks_of_the_run() -> None:
    checks = [(row.task, row.checks) for row in report_of(CHECKED_RUN).images]
    assert checks == [("base:cpu", CPU_CHECKS), ("asr:cpu", CPU_CHECKS), ("asr:cuda", CUDA_CHECKS)]


def test_no_events_are_an_empty_report() -> None:
    assert report_of(()) == Report()


def test_the_json_says_its_schema_and_reads_back() -> None:
    report = report_of(RUN)
    text = report.as_json()
    assert text.endswith("}\n")
    assert json.loads(text)["schema"] == 2
    assert Report.model_validate_json(text) == report


def test_what_an_older_report_lacks_has_its_default() -> None:
    value = json.loads(report_of(RUN).as_json())
    for row in value["images"]:
        del row["checks"]
    for key in ("base", "engine", "checkout", "disk"):
        del value[key]
    assert Report.model_validate(value) == report_of(RUN)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Report.model_validate({"schema": 2, "imagse": []})


def test_the_key_of_what_failed_is_the_planned_one_and_the_checkout_is_told() -> None:
    checkout = Checkout(commit="a" * 40, stack="docker", code=".", patch="+x")
    tasks = (PlannedTask(id="base-ml:cpu", image="base-ml", variant="cpu", key=KEY),)
    started = STARTED.model_copy(
        update={"tasks": tasks, "base": "bootstrap", "engine": "buildah", "checkout": checkout}
    )
    report = report_of((started, *RUN[5:9]))
    assert (report.base, report.engine, report.checkout) == ("bootstrap", "buildah", checkout)
    assert [(row.action, row.key) for row in report.images] == [("failed", KEY)]
