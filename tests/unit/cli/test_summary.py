from __future__ import annotations

from pathlib import Path

import pytest

from ci.cli.main import main
from ci.report.markdown import markdown
from ci.report.report import report_of
from tests.unit.report.runs import RUN

REPORT = report_of(RUN)


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
        ('{"schema": 2}', "schema: Input should be 1"),
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
    assert "no run was recorded here" in capsys.readouterr().err
