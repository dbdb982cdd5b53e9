"""Reports read back: the one that is named, and those that are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci.errors import UsageError
from ci.report.report import Report
from ci.run.workspace.reports import read_report, recorded_reports
from ci.run.workspace.run_directory import create_run_directory


def test_a_report_is_read_by_its_file_or_by_the_directory_of_its_run(tmp_path: Path) -> None:
    report = Report(started_at="2026-01-02T03:04:05+00:00")
    (tmp_path / "report.json").write_text(report.as_json())
    assert read_report(tmp_path / "report.json") == read_report(tmp_path) == report


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "can't be read as a report (No such file or directory)"),
        ("no", "report.json: the document: Invalid JSON"),
        (
            '{"schema": 1}',
            "report.json: schema: Input should be 2\nhint: it is not the report of a run, or another version",
        ),
        (
            '{"checkout": {"commit": "--upload-pack=x"}}',
            "report.json: checkout.commit: String should match pattern",
        ),
    ],
)
def test_what_is_no_report_is_told(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as raised:
        read_report(tmp_path)
    assert said in str(raised.value)


def test_the_reports_that_are_kept_come_the_newest_first_without_those_of_killed_runs(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        directory = create_run_directory(tmp_path, now=datetime(2026, 1, day, tzinfo=UTC), pid=day)
        if day != 2:
            directory.report.write_text(Report(started_at=f"2026-01-0{day}").as_json())
    assert [report.started_at for _, report in recorded_reports(tmp_path)] == ["2026-01-03", "2026-01-01"]
