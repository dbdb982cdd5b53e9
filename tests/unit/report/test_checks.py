"""What is said of the checks of images."""

from __future__ import annotations

import pytest

from ci.report.check import Check, Rung, Status
from ci.report.checks import Counts, Reason, counts_of, reasons_of, rungs_of
from ci.report.report import report_of
from tests.unit.report.runs import CHECKED_RUN, CPU_CHECKS, CUDA_CHECKS


def test_each_rung_with_checks_is_counted_the_lowest_first() -> None:
    counts = rungs_of(tuple(reversed(CUDA_CHECKS)))
    assert list(counts.items()) == [
        (Rung.structure, Counts(passed=2)),
        (Rung.size, Counts(skipped=1)),
        (Rung.imports, Counts(failed=2)),
        (Rung.programs, Counts(blocked=1)),
        (Rung.gpu, Counts(skipped=2)),
    ]
    assert rungs_of(()) == {}


def test_recorded_are_the_passed_ones_alone() -> None:
    assert counts_of(CPU_CHECKS) == Counts(passed=2, skipped=1, recorded=1)
    failed = Check(name="a", status=Status.failed, recorded=True)
    assert counts_of((failed,)) == Counts(failed=1)


@pytest.mark.parametrize(
    ("counts", "status", "word", "text", "short"),
    [
        (Counts(), "skipped", "skipped", "-", "-"),
        (Counts(passed=4), "passed", "passed", "4 passed", "4 passed"),
        (Counts(skipped=2), "skipped", "skipped", "2 skipped", "2 skipped"),
        (Counts(blocked=2), "blocked", "blocked", "2 blocked", "2 blocked"),
        (
            Counts(passed=31, skipped=1),
            "passed",
            "31 passed, 1 skipped",
            "31 passed, 1 skipped",
            "31 passed, 1 skipped",
        ),
        (
            Counts(passed=3, failed=2, skipped=1, blocked=4),
            "failed",
            "2 failed, 4 blocked, 3 passed, 1 skipped",
            "2 failed, 4 blocked, 3 passed, 1 skipped",
            "2 failed, 4 blocked",
        ),
        (
            Counts(passed=1, blocked=1),
            "blocked",
            "1 blocked, 1 passed",
            "1 blocked, 1 passed",
            "1 blocked",
        ),
        (
            Counts(passed=4, recorded=4),
            "passed",
            "passed (recorded)",
            "4 passed (recorded)",
            "4 passed (recorded)",
        ),
        (
            Counts(passed=4, recorded=3),
            "passed",
            "4 passed (3 recorded)",
            "4 passed (3 recorded)",
            "4 passed (3 recorded)",
        ),
    ],
)
def test_counts_are_told_in_the_four_words(
    counts: Counts, status: str, word: str, text: str, short: str
) -> None:
    assert (counts.status, counts.word, counts.text, counts.short_text) == (status, word, text, short)


def test_a_rung_of_skipped_checks_alone_is_never_passed() -> None:
    assert rungs_of(CUDA_CHECKS)[Rung.gpu].status is Status.skipped


def test_images_with_one_reason_are_told_together() -> None:
    images = report_of(CHECKED_RUN).images
    assert reasons_of(images, Status.skipped) == (
        Reason(
            status=Status.skipped,
            rung=Rung.size,
            text="no budget in image.toml",
            names=("size budget",),
            tasks=("base:cpu", "asr:cpu", "asr:cuda"),
        ),
        Reason(
            status=Status.skipped,
            rung=Rung.gpu,
            text="no GPU here",
            names=("device", "matmul"),
            tasks=("asr:cuda",),
        ),
    )
    assert reasons_of(images, Status.blocked) == (
        Reason(
            status=Status.blocked,
            rung=Rung.programs,
            text="by 'import torch'",
            names=("--help",),
            tasks=("asr:cuda",),
        ),
    )


def test_images_of_which_other_checks_have_the_reason_are_told_apart() -> None:
    row = report_of(CHECKED_RUN).images[0]
    one = Check(name="a", status=Status.skipped, detail="no GPU here")
    other = one.model_copy(update={"name": "b"})
    rows = (
        row.model_copy(update={"task": "x:cpu", "checks": (one, other)}),
        row.model_copy(update={"task": "y:cpu", "checks": (one,)}),
    )
    told = [(reason.names, reason.tasks) for reason in reasons_of(rows, Status.skipped)]
    assert told == [(("a", "b"), ("x:cpu",)), (("a",), ("y:cpu",))]
