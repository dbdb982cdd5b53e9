"""Which step the last build of an image came to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci.report.outcome import Outcome
from ci.report.report import FailureRow, ImageRow, Report
from ci.run.shell.failed_build import FailedBuild, failed_step, last_failure
from ci.run.workspace.run_directory import create_run_directory
from ci.run.workspace.state import State

INSTRUCTIONS = (
    "ARG PARENT=small/base:cpu",
    "FROM ${PARENT}",
    "USER 0:0",
    "RUN --mount=type=bind,from=small/debs:1,target=/mnt \\\n    cd /mnt && \\\n    apt-get install x",
    "COPY --chmod=0644 asr.py /opt/app/",
)
BUILDKIT = """\
#4 [1/3] FROM small/base
#5 [2/3] RUN --mount=type=bind,from=small/debs:1,target=/mnt     cd /mnt &&     apt-get install x
#5 ERROR: process
"""
KEY = "a" * 64


@pytest.mark.parametrize(
    ("log", "step"),
    [
        ("STEP 1/5: FROM localhost/small/base:k-1\nSTEP 2/5: USER 0:0\nSTEP 3/5: RUN --mount=…\nno\n", 3),
        ("STEP 4/5: COPY --chmod=0644 asr.py /opt/app/\n", 4),
        ('STEP 5/5: LABEL "org.dockwright.key"="a"\nCOMMIT\n', 5),
        (BUILDKIT, 3),
        ("#5 [2/3] RUN something else\n", None),
        ("error: no such parent\n", None),
        ("", None),
    ],
)
def test_the_step_is_the_last_one_of_the_log_by_the_count_of_each_engine(log: str, step: int | None) -> None:
    assert failed_step(INSTRUCTIONS, log) == step


def kept_run(state: Path, day: int, action: Outcome, *, key: str = KEY, exit_code: int = 6) -> None:
    directory = create_run_directory(state, now=datetime(2026, 1, day, tzinfo=UTC), pid=day)
    directory.log_of("asr:cpu").write_text(f"log {day}")
    rows = [
        ImageRow(task="base:cpu", image="base", variant="cpu", action=Outcome.reused),
        ImageRow(task="ml:cpu", image="ml", variant="cpu", action=Outcome.built),
        ImageRow(task="asr:cpu", image="asr", variant="cpu", action=action, key=key),
    ]
    failure = FailureRow(task="asr:cpu", message=f"no {day}\nmore", exit_code=exit_code)
    failures = (failure,) if action is Outcome.failed else ()
    report = Report(started_at=f"day {day}", images=tuple(rows), failures=failures)
    directory.report.write_text(report.as_json())


def found(state: Path) -> FailedBuild | None:
    return last_failure(State(root=state), "asr:cpu", KEY)


def test_the_last_failure_is_that_of_the_newest_run_in_which_its_turn_came(tmp_path: Path) -> None:
    kept_run(tmp_path, 1, Outcome.failed)
    kept_run(tmp_path, 2, Outcome.failed, exit_code=7)
    kept_run(tmp_path, 3, Outcome.blocked)
    kept_run(tmp_path, 4, Outcome.cancelled)
    kept_run(tmp_path, 5, Outcome.built, key="b" * 64)
    failure = found(tmp_path)
    assert failure == FailedBuild(
        started_at="day 2",
        exit_code=7,
        reason="no 2",
        log="log 2",
        needed=frozenset({"ml:cpu", "asr:cpu"}),
    )
    assert (failure.is_of_step, failure.is_of_check) == (False, True)


def test_a_build_that_succeeded_since_has_no_failure(tmp_path: Path) -> None:
    assert found(tmp_path) is None
    kept_run(tmp_path, 1, Outcome.failed)
    assert found(tmp_path) is not None
    kept_run(tmp_path, 2, Outcome.built)
    assert found(tmp_path) is None
