from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from ci.report.check import Check, Rung, Status
from ci.smoke import results
from ci.smoke.program import probe
from ci.smoke.results import DETAIL_CHARACTERS, LINE_PREFIX, failures_text, parse_results


def line(**value: object) -> str:
    return LINE_PREFIX + json.dumps(value) + "\n"


def told(name: str, status: str = "passed", detail: str = "", seconds: float = 0.5, **more: object) -> str:
    value = {"rung": RUNGS.get(name, "structure"), "name": name, "status": status, **more}
    return line(event="check", detail=detail, seconds=seconds, **value)


COMPUTES = {
    "onnx_model.py": {"numpy", "onnxruntime"},
    "tensor.py": {"torch"},
    "translator.py": {"ctranslate2", "numpy"},
}
"""What computes on a device is there only where the image has what it computes with."""
RUNGS = {"import numpy": "imports", "--help": "programs"}


PLANNED = line(
    event="planned",
    checks=[["structure", "user"], ["imports", "import numpy"], ["programs", "--help"], ["?", "no rung"]],
)
ENDED = line(event="ended")
GOOD = [told("user"), told("import numpy", "skipped", "why"), told("--help")]


def test_the_program_and_its_reader_mean_the_same_lines() -> None:
    assert probe.LINE_PREFIX == results.LINE_PREFIX


def test_every_line_of_a_check_is_a_check_and_all_else_is_ignored() -> None:
    noise = [
        "Traceback\n",
        "dockwright-check \n",
        LINE_PREFIX + "[1]\n",
        LINE_PREFIX + "{\n",
        " " + told("indented"),
    ]
    text = "".join(
        [PLANNED, noise[0], GOOD[0], noise[1], noise[2], GOOD[1], noise[3], GOOD[2], noise[4], ENDED]
    )
    assert parse_results(text, 0) == (
        Check(name="user", status=Status.passed, seconds=0.5),
        Check(name="import numpy", rung=Rung.imports, status=Status.skipped, detail="why", seconds=0.5),
        Check(name="--help", rung=Rung.programs, status=Status.passed, seconds=0.5),
    )


def test_a_hang_fails_what_was_running_and_blocks_what_was_to_come() -> None:
    text = PLANNED + GOOD[0] + line(event="started", rung="imports", name="import numpy") + "Killed\n"
    assert parse_results(text, 137)[1:] == (
        Check(
            name="import numpy",
            rung=Rung.imports,
            status=Status.failed,
            detail="the probe ended with 137\nKilled",
        ),
        Check(name="--help", rung=Rung.programs, status=Status.blocked, blocked_by="import numpy"),
    )


def test_a_death_in_what_was_not_planned_by_name_is_of_its_own_rung() -> None:
    text = PLANNED + GOOD[0] + line(event="started", rung="imports", name="imports") + "Killed\n"
    found = {check.name: (check.rung, check.status) for check in parse_results(text, 137)[1:]}
    assert found == {
        "imports": (Rung.imports, Status.failed),
        "import numpy": (Rung.imports, Status.blocked),
        "--help": (Rung.programs, Status.blocked),
    }


def test_a_death_between_two_checks_names_the_last_one() -> None:
    text = PLANNED + line(event="started", rung="structure", name="user") + GOOD[0] + "Segmentation fault\n"
    failed, *blocked = parse_results(text, 139)[1:]
    assert failed == Check(
        name="probe",
        status=Status.failed,
        detail="the probe ended with 139, after 'user'\nSegmentation fault",
    )
    assert [check.name for check in blocked] == ["import numpy", "--help"]


def test_a_worker_that_died_is_told_by_its_supervisor() -> None:
    text = PLANNED + GOOD[0] + line(event="started", rung="imports", name="import numpy")
    text += line(event="died", status=-9)
    assert parse_results(text, 0)[1].detail == "the probe ended with -9"


def test_a_probe_that_never_began_is_one_failure_with_its_output() -> None:
    text = "".join(f"line {number}\n" for number in range(30)) + "no such file: /opt/venv/bin/python\n"
    (check,) = parse_results(text, 127)
    assert (check.name, check.status) == ("probe", Status.failed)
    first, *rest = check.detail.splitlines()
    assert first == "the probe ended with 127, before its first check"
    assert rest == [f"line {number}" for number in range(21, 30)] + ["no such file: /opt/venv/bin/python"]


def test_a_probe_that_was_ended_from_outside_says_why_and_with_what_last_words() -> None:
    why = "still running after 2 s, so it was ended"
    found = parse_results("", -15, reason=why, tail="begin\nmiddle", rung=Rung.gpu)
    detail = f"the probe was {why}, before its first check\nbegin\nmiddle"
    assert found == (Check(name="probe", rung=Rung.gpu, status=Status.failed, detail=detail),)


def test_metrics_are_numbers_and_words_alone() -> None:
    metrics = {"tflops": 1.5, "device": "one", "worst": float("inf"), "more": [1]}
    (check,) = parse_results(told("user", metrics=metrics) + ENDED, 0)
    assert check.metrics == {"tflops": 1.5, "device": "one"}


@pytest.mark.parametrize("text", ["", ENDED.replace("ended", "other")])
def test_silence_is_a_failure(text: str) -> None:
    assert [check.status for check in parse_results(text, 0)] == [Status.failed]


def test_a_planned_check_without_a_result_fails() -> None:
    assert parse_results(PLANNED + GOOD[0] + GOOD[2] + ENDED, 0)[2:] == (
        Check(
            name="import numpy",
            rung=Rung.imports,
            status=Status.failed,
            detail="the probe reported no result",
        ),
    )


@pytest.mark.parametrize(
    "broken",
    [
        told("user", "fine"),
        told("user", rung="cellar"),
        line(event="check", rung="structure", name="user", status="passed"),
        line(event="check", rung="structure", name=1, status="passed", detail="", seconds=1),
        line(event="check", rung="structure", name="user", status="passed", detail="", seconds="1"),
    ],
)
def test_a_malformed_result_is_none(broken: str) -> None:
    (check,) = parse_results(line(event="planned", checks=[["structure", "user"]]) + broken + ENDED, 0)
    assert (check.name, check.status) == ("user", Status.failed)


def test_a_bad_end_after_the_last_check_is_told() -> None:
    checks = parse_results(PLANNED + "".join(GOOD) + ENDED, 1)
    assert checks[-1].detail == "the probe ended with 1 after its last check"
    assert checks[-1].status is Status.failed


def test_a_long_detail_keeps_its_first_line_and_its_end() -> None:
    detail = "ended with 3\n" + "\n".join(f"line {number}" for number in range(9000))
    (check,) = parse_results(told("user", "failed", detail) + ENDED, 0)
    assert len(check.detail) <= DETAIL_CHARACTERS + 10
    assert check.detail.startswith("ended with 3\n…\n")
    assert check.detail.endswith("line 8999")


def test_one_endless_line_is_cut_too() -> None:
    (check,) = parse_results(told("user", "failed", "x" * 10**6) + ENDED, 0)
    assert len(check.detail) <= DETAIL_CHARACTERS + 10


def test_the_error_has_each_failure_with_its_own_output_and_what_is_not_known() -> None:
    checks = (
        Check(name="user", status=Status.passed),
        Check(name="--help", status=Status.failed, detail="ended with 3\nTraceback\n  boom"),
        Check(name="no cache", status=Status.failed),
        Check(name="import numpy", status=Status.blocked, blocked_by="--help"),
    )
    text = failures_text("asr:cpu", checks, tagged=False)
    assert text == (
        "asr:cpu: 2 of 4 checks failed; it is not tagged:\n"
        "  --help: ended with 3\n"
        "    Traceback\n"
        "      boom\n"
        "  no cache:\n"
        "  blocked, so not tested: import numpy"
    )
    of_one_there = failures_text("asr:cpu", checks, tagged=True)
    assert of_one_there == text.replace("it is not tagged", "it keeps its tag")


def test_the_four_words_are_these() -> None:
    assert [str(status) for status in Status] == ["passed", "failed", "skipped", "blocked"]


@pytest.mark.parametrize("file", sorted(Path(probe.__file__).parent.glob("*.py")), ids=lambda file: file.name)
def test_the_program_needs_itself_and_the_standard_library(file: Path) -> None:
    known = sys.stdlib_module_names | COMPUTES.get(file.name, set())
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.partition(".")[0] for alias in node.names} <= known
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert str(node.module).partition(".")[0] in known
