from __future__ import annotations

import pytest

from ci.cli.budget import budget_error, parse_tolerance
from ci.errors import UsageError
from ci.report.budget.budget import Tolerance
from tests.unit.report.budget.test_budget import compared
from tests.unit.report.budget.test_metrics import metrics


@pytest.mark.parametrize(
    ("text", "tolerance"),
    [
        ("10%,100MB", Tolerance()),
        ("5 %", Tolerance(share=0.05, size_bytes=None)),
        ("1.5GB", Tolerance(share=None, size_bytes=1_500_000_000)),
        ("20 kB, 3%", Tolerance(share=0.03, size_bytes=20_000)),
    ],
)
def test_a_tolerance_is_a_share_a_size_or_both(text: str, tolerance: Tolerance) -> None:
    assert parse_tolerance(text) == tolerance


@pytest.mark.parametrize("text", ["", "10", "10%,5%", "1MB,2MB", "10%,", "-5%", "1 MiB"])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--tolerance"):
        parse_tolerance(text)


def test_the_message_of_a_breach_stands_alone() -> None:
    report = compared(metrics(), unpacked_mb=90)
    assert str(budget_error(report.breaches, report.tolerance, "baseline.json")) == (
        "1 metric is over budget or grew by more than 10 % or 100 MB:\n"
        "  asr:cpu: unpacked is 100 MB, over its budget of 90.0 MB by 10.0 MB\n"
        "hint: make these images smaller, or raise [budget] in their image.toml; to accept growth within the "
        "budget, run `dockwright budget --write` and commit baseline.json"
    )
