"""The end of a run as text."""

import pytest

from ci.report.events import Failure, RunEnded, TaskEnded
from ci.report.outcome import Outcome
from ci.report.report import Report, report_of
from ci.report.table import failure_lines, summary_text, table_lines
from tests.unit.report.runs import CHECKED_RUN, RUN, STARTED

NO_END = "the log is not complete: the run was killed or is still going on"


def text(report: Report, width: int | None = None) -> str:
    return "".join(f"{line.text}\n" for line in table_lines(report, width=width))


def test_the_table_has_images_and_everything_else_apart() -> None:
    assert text(report_of(RUN)) == (
        "image    variant  action                      time    size   unique  key\n"
        "base     cpu      reused                     0.1 s  170 MB  1.23 kB  3f2a91c04d5e\n"
        "base-ml  cpu      failed                  1 m 01 s       -        -  -\n"
        "asr      cpu      blocked by base-ml:cpu         -       -        -  -\n"
        "\n"
        "other task      action    time\n"
        "wheelhouse:cpu  built   34.0 s\n"
    )


def test_each_line_knows_its_outcome() -> None:
    outcomes = [line.outcome for line in table_lines(report_of(RUN))]
    assert outcomes == [None, Outcome.reused, Outcome.failed, Outcome.blocked, None, None, Outcome.built]


@pytest.mark.parametrize(
    ("width", "first"),
    [
        (82, "image    variant  action                      time    size   unique  key"),
        (70, "image    variant  action                      time    size   unique"),
        (60, "image    variant  action                      time    size"),
        (50, "image    variant  action                      time"),
        (40, "image    variant  action"),
        (10, "image    v"),
    ],
)
def test_a_narrow_table_leaves_columns_out_and_then_cuts(width: int, first: str) -> None:
    lines = text(report_of(RUN), width).splitlines()
    assert " ".join(lines[0].split()) == " ".join(first.split())
    assert max(map(len, lines)) <= width


def test_where_images_were_checked_a_column_says_how_that_came_out() -> None:
    assert text(report_of(CHECKED_RUN)) == (
        "image  variant  action   time     size   unique  checks                            key\n"
        "base   cpu      reused  0.1 s   170 MB  1.23 kB  2 passed (1 recorded), 1 skipped  3f2a91c04d5e\n"
        "asr    cpu      built   3.0 s  1.70 GB  70.0 MB  2 passed (1 recorded), 1 skipped  3f2a91c04d5e\n"
        "asr    cuda     failed  6.0 s        -        -  2 failed, 1 blocked               -\n"
    )


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (95, "image variant action time size unique checks key"),
        (94, "image variant action time size unique checks"),
        (80, "image variant action time size unique"),
        (40, "image variant action time size"),
        (30, "image variant action time"),
        (25, "image variant action"),
    ],
)
def test_the_column_of_checks_goes_after_the_key(width: int, columns: str) -> None:
    lines = text(report_of(CHECKED_RUN), width).splitlines()
    assert lines[0].split() == columns.split()
    assert max(map(len, lines)) <= width


def test_a_run_without_tasks_has_no_table() -> None:
    assert table_lines(Report()) == ()


def test_a_failure_is_told_with_its_last_lines_and_its_log() -> None:
    lines = "".join(f"{line.text}\n" for line in failure_lines(report_of(RUN)))
    assert lines == (
        "\n"
        "base-ml:cpu failed:\n"
        "  docker/base-ml: step 4 (Wheels) failed:\n"
        "  onnxruntime has no wheel\n"
        "  last lines of its output:\n"
        "  | Resolved 31 packages\n"
        "  | error: no wheel\n"
        "  full log: logs/base-ml-cpu.log\n"
    )


def test_a_bug_is_told_with_its_traceback() -> None:
    failure = Failure(message="KeyError: 'x'", traceback="Traceback:\n  in work\n")
    run = (STARTED, TaskEnded(task="base:cpu", outcome=Outcome.failed, failure=failure))
    lines = [line.text for line in failure_lines(report_of(run))]
    assert lines == ["", "base:cpu failed:", "  KeyError: 'x'", "  Traceback:", "    in work"]


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (report_of(RUN), "3 images: 1 reused, 1 failed, 1 blocked (1 m 35 s)"),
        (
            report_of(RUN[:7]),
            f"3 images: 1 reused, 1 planned, 1 unfinished; {NO_END} (35.0 s)",
        ),
        (
            report_of((STARTED, RunEnded(exit_code=130, interrupted=True))),
            "3 images: 3 planned; other tasks: 1 planned; interrupted (0.0 s)",
        ),
        (Report(complete=True), "no image was requested (0.0 s)"),
    ],
)
def test_one_sentence_counts_what_became_of_the_images(report: Report, sentence: str) -> None:
    assert summary_text(report) == sentence
