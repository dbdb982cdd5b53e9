from __future__ import annotations

import ast
import json
import math
import os
import sys
from pathlib import Path

import pytest

from ci.smoke.program import devices as driver
from ci.smoke.program import gpu
from ci.smoke.program.bounded_process import ProcessResult
from ci.smoke.program.gpu_checks import DEVICES, WHATS, answer, checks, reading_of
from ci.smoke.program.reading import Reading
from ci.smoke.program.tolerance import TOLERANCE, closeness

GOOD: Reading = ("passed", "as it should be", {"largest_error": 1e-7})
FOLDER = Path(gpu.__file__).parent


def test_the_checks_are_told_in_their_order_and_the_device_is_first() -> None:
    assert [name for name, _ in checks("cpu", 1.0)] == [
        "gpu device",
        "gpu matmul-fp32",
        "gpu matmul-fp16",
        "gpu matmul-bf16",
        "gpu convolution",
        "gpu ctranslate2",
        "gpu onnxruntime",
        "gpu memory",
        "gpu throughput",
    ]


@pytest.mark.parametrize("name", ["gpu.py", "gpu_checks.py", "tolerance.py", "devices.py", "cuda.py"])
def test_what_every_image_runs_needs_the_standard_library_alone(name: str) -> None:
    tree = ast.parse((FOLDER / name).read_text())
    found = {
        one.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for one in node.names
    }
    found |= {
        (node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not node.level
    }
    assert found - set(sys.stdlib_module_names) == set()


def test_one_line_of_the_standard_output_is_the_answer(capfd: pytest.CaptureFixture[str]) -> None:
    gpu.main(["device", "--device", "cpu"])
    out = capfd.readouterr().out
    assert out.count("\n") == 1
    assert out.endswith("\n")
    assert list(json.loads(out)) == ["status", "detail", "metrics"]


def test_what_libraries_print_is_no_answer(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def chatty() -> Reading:
        os.write(1, b"from a library\n")
        return GOOD

    monkeypatch.setattr(driver, "cpu", chatty)
    gpu.main(["device", "--device", "cpu"])
    os.write(1, b"afterwards\n")
    captured = capfd.readouterr()
    assert captured.out == f"{answer(GOOD)}\nafterwards\n"
    assert captured.err == "from a library\n"


@pytest.mark.parametrize(
    "words", [[], ["device"], ["device", "--device", "tpu"], ["dance", "--device", "cpu"]]
)
def test_what_can_not_be_asked_is_refused(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        gpu.main(words)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("device", DEVICES)
def test_a_library_that_is_not_installed_is_a_reason_to_skip(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(gpu.LIBRARY, "ctranslate2", "no_such_library")
    assert gpu.reading("ctranslate2", device) == ("skipped", "no_such_library is not installed", {})


def test_an_error_of_a_check_is_a_failure_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> Reading:
        raise RuntimeError("CUDA error: the device was lost")

    monkeypatch.setattr(driver, "cpu", gone)
    expected: Reading = ("failed", "RuntimeError: CUDA error: the device was lost", {})
    assert gpu.reading("device", "cpu") == expected


def test_the_answer_is_found_among_all_that_was_written() -> None:
    assert reading_of(ProcessResult(0, answer(GOOD) + "\n")) == GOOD
    assert reading_of(ProcessResult(0, f"a warning{answer(GOOD)}\nand the end\n")) == GOOD
    assert reading_of(ProcessResult(0, f'{{"status": nothing\n{answer(GOOD)}\n')) == GOOD


@pytest.mark.parametrize(
    ("ended", "detail"),
    [
        (
            ProcessResult(-9, "loading\n", "was still running after 60 s, so it was ended"),
            "was still running after 60 s, so it was ended\nloading",
        ),
        (ProcessResult(-11, "loading\n"), "was ended by SIGSEGV\nloading"),
        (ProcessResult(1, ""), "ended with 1"),
        (ProcessResult(0, "nothing\n"), "ended without an answer\nnothing"),
        (ProcessResult(0, '{"status": "passed"}\n'), 'ended without an answer\n{"status": "passed"}'),
        (
            ProcessResult(0, '{"status": "fine", "detail": "", "metrics": {}}'),
            'ended without an answer\n{"status": "fine", "detail": "", "metrics": {}}',
        ),
        (
            ProcessResult(-6, f"one\n{answer(GOOD)}\n"),
            "was ended by SIGABRT after its answer, passed: as it should be\none",
        ),
    ],
)
def test_a_check_that_hangs_or_dies_fails_with_the_reason_whatever_it_said(
    ended: ProcessResult, detail: str
) -> None:
    assert reading_of(ended) == ("failed", detail, {})


def test_a_metric_that_is_no_finite_number_is_not_told() -> None:
    value = json.loads(
        answer(("failed", "slow", {"fp16_tflops": math.nan, "bf16_tflops": math.inf, "n": 1.0}))
    )
    assert value == {"status": "failed", "detail": "slow", "metrics": {"n": 1.0}}


def test_numbers_are_near_when_no_error_is_over_the_tolerance_of_the_largest() -> None:
    assert closeness([1.0, -4.0], [1.0, -4.0], 0.0)[0] == "passed"
    assert closeness([1.25, -4.0], [1.0, -4.0], 0.0625) == (
        "passed",
        "largest error 6.2e-02 of the largest magnitude, limit 6.2e-02",
        {"largest_error": 0.0625},
    )
    assert closeness([1.0, -4.5], [1.0, -4.0], 0.0625) == (
        "failed",
        "largest error 1.2e-01 of the largest magnitude, limit 6.2e-02",
        {"largest_error": 0.125},
    )


@pytest.mark.parametrize("wild", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_never_near(wild: float) -> None:
    assert closeness([1.0, wild, wild], [1.0, 1.0, 1.0], 1.0) == (
        "failed",
        "2 of 3 numbers are not finite",
        {},
    )
    assert closeness([1.0], [wild], 1.0)[0] == "failed"


def test_nothing_is_near_to_nothing() -> None:
    said = "nothing to compare with: the largest magnitude of the reference is 0"
    assert closeness([], [], 1.0) == ("failed", said, {})
    assert closeness([0.0], [0.0], 1.0) == ("failed", said, {})
    assert closeness([1.0], [math.inf], 1.0)[0] == "failed"
    assert closeness([1.0], [1.0, 1.0], 1.0) == ("failed", "1 numbers instead of 2", {})


def test_a_type_of_fewer_bits_is_allowed_more() -> None:
    assert TOLERANCE == {"fp32": 1e-5, "fp16": 2 * 2**-11, "bf16": 2 * 2**-8}


def test_every_check_has_its_program() -> None:
    assert set(gpu.LIBRARY) < set(WHATS)
