"""repro: a report that can't be built again says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.cli.main import main
from ci.report.events import Checkout
from ci.report.report import Report


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (Report(), "it names no revision, so it can't be built again"),
        (Report(checkout=Checkout(commit="a" * 40)), "it names no image"),
    ],
)
def test_a_report_that_names_too_little_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], report: Report, said: str
) -> None:
    (tmp_path / "report.json").write_text(report.as_json())
    assert main(["repro", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err
