from __future__ import annotations

from pathlib import Path

import pytest

from ci.cli.main import main
from ci.report.markdown import markdown
from ci.report.report import report_of
from tests.unit.report.runs import CHECKED_RUN, RUN

REPORT = report_of(RUN)
OLD = """{
  "schema": 2, "argv": ["build", "base"], "started_at": "2026-01-02T03:04:05+00:00",
  "complete": true, "exit_code": 0,
  "images": [{
    "task": "base:cpu", "action": "built", "blocked_by": [], "seconds": 22.8, "reason": "never built here",
    "log": "logs/base-cpu.log", "metrics": {"checks": 28}, "image": "base", "variant": "cpu",
    "unpacked_bytes": 385846272, "unique_bytes": 0, "key": "a748", "reference": "dockwright/base:k-a748"
  }]
}"""
"""A report from before there were checks in it."""


def test_the_page_is_printed_and_the_exit_code_is_the_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    path.write_text(REPORT.as_json())
    assert main(["summary", str(path), "--title", "Level 2"]) == 6
    out, err = capsys.readouterr()
    assert out == markdown(REPORT, "Level 2")
    assert "base-ml:cpu failed:" in err
    assert "  | error: no wheel" in err


def test_failed_checks_come_before_what_was_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    path.write_text(report_of(CHECKED_RUN).as_json())
    assert main(["summary", str(path)]) == 7
    out, err = capsys.readouterr()
    assert out == markdown(report_of(CHECKED_RUN))
    heads = [line for line in out.splitlines() if line.startswith("####")]
    assert heads == ["#### Failed checks", "#### What was built, and why", "#### Sizes", "#### Checks"]
    assert "asr:cuda: 2 of 8 checks failed; it is not tagged:" in err


def test_a_report_from_before_there_were_checks_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    path.write_text(OLD)
    assert main(["summary", str(path)]) == 0
    assert capsys.readouterr().out == (
        "### Images\n\n1 image: 1 built (0.0 s).\n\n"
        "#### What was built, and why\n\n|  | image | reason | time |\n| --- | --- | --- | --: |\n"
        "| ✅ built | `base:cpu` | never built here | 22.8 s |\n\n"
        "#### Sizes\n\n| image | unpacked | unique |\n| --- | --: | --: |\n| `base:cpu` | 386 MB | 0 B |\n"
    )


def test_without_a_name_it_is_the_report_of_the_last_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for second, text in (("01", "{}"), ("02", REPORT.as_json())):
        folder = tmp_path / f"state/runs/20260102-0304{second}-7"
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(text)
    assert main(["--root", str(tmp_path), "summary"]) == 6
    assert capsys.readouterr().out == markdown(REPORT)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "No such file or directory"),
        ("{", "Invalid JSON"),
        ('{"schema": 1}', "schema: Input should be 2"),
    ],
)
def test_what_is_no_report_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, why: str
) -> None:
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    assert main(["summary", str(path)]) == 2
    assert why in capsys.readouterr().err


def test_where_nothing_ran_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path), "summary"]) == 2
    assert "no run is recorded here" in capsys.readouterr().err
