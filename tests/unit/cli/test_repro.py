"""repro: a report that can't be built again says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.cli.main import main
from ci.report.events import Checkout
from ci.report.outcome import Outcome
from ci.report.report import ImageRow, Report
from ci.run.verify.child_run import build_words


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


@pytest.mark.parametrize(
    ("task", "image", "variant"),
    [
        ("--rebuild", "--rebuild", "cpu"),
        ("--rebuild:cpu", "--rebuild", "cpu"),
        ("-x:cpu", "-x", "cpu"),
        ("../../secrets:cpu", "../../secrets", "cpu"),
        ("base:--rebuild", "base", "--rebuild"),
        ("base:cpu", "../base", "cpu"),
        ("base:cpu", "base", "../cpu"),
        ("base:cpu\n", "base", "cpu\n"),
        ("", "", ""),
    ],
)
def test_a_name_in_a_report_is_no_option_and_no_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str, image: str, variant: str
) -> None:
    row = ImageRow(task=task, image=image, variant=variant, action=Outcome.built, key="a" * 64)
    report = Report(checkout=Checkout(commit="a" * 40), images=(row,))
    (tmp_path / "report.json").write_text(report.as_json())
    assert main(["repro", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"{task!r} is not the name of an image variant" in said
    assert "Traceback" not in said


def test_images_stand_behind_all_options_of_the_command_that_builds_them() -> None:
    words = build_words(["--rebuild", "base:cpu"], base="bootstrap", rebuild=False)
    assert words == ["build", "--cache", "off", "--base", "bootstrap", "--", "--rebuild", "base:cpu"]
