"""Metrics against budgets and against before: what is a breach, and what explains it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ci.catalog.stack import Budget
from ci.report.budget.budget import BudgetReport, Cause, Row, Tolerance, Verdict, compare
from ci.report.budget.metrics import Baseline, Metrics
from tests.unit.report.budget.test_metrics import metrics

MB = 10**6


def compared(
    *now: Metrics,
    before: tuple[Metrics, ...] | None = None,
    tolerance: Tolerance | None = None,
    wanted: tuple[str, ...] = ("asr:cpu",),
    limits: Mapping[str, float] | None = None,
    **budget: float,
) -> BudgetReport:
    return compare(
        now,
        wanted,
        {
            id_: Budget(**{**(limits or {}), **budget}) if id_ == "asr:cpu" else Budget()
            for id_ in ("asr:cpu", "base:cpu")
        },
        None if before is None else Baseline(images=before),
        of="a test",
        tolerance=tolerance or Tolerance(),
    )


def verdicts(report: BudgetReport) -> dict[str, str]:
    return {row.metric: str(row.verdict) for row in report.rows if row.verdict is not Verdict.unknown}


def test_an_image_is_within_its_budget_up_to_the_last_byte() -> None:
    report = compared(metrics(unpacked_bytes=5 * MB), unpacked_mb=5)
    assert verdicts(report) == {"unpacked": "within"}
    assert report.breaches == ()


def test_a_byte_more_is_over_it() -> None:
    report = compared(metrics(unpacked_bytes=5 * MB + 1), unpacked_mb=5)
    assert report.breaches == (
        Row(
            image="asr:cpu",
            metric="unpacked",
            unit="bytes",
            now=5 * MB + 1,
            before=None,
            limit=5 * MB,
            verdict=Verdict.over,
        ),
    )


def test_each_of_the_six_has_a_budget() -> None:
    taken = metrics(
        unpacked_bytes=2 * MB,
        compressed_bytes=2 * MB,
        unique_bytes=2 * MB,
        shared_bytes=2 * MB,
        import_s=2.0,
        build_ratio=2.0,
    )
    names = ("unpacked_mb", "compressed_mb", "unique_mb", "shared_mb", "import_s", "build_ratio")
    for name in names:
        report = compared(taken, limits={name: 1.5})
        assert [row.metric for row in report.breaches] == [name.partition("_")[0]]
    assert compared(taken, limits=dict.fromkeys(names, 2.0)).breaches == ()


def test_what_was_not_measured_is_unknown_and_no_breach() -> None:
    report = compared(metrics(), compressed_mb=1, before=(metrics(compressed_bytes=MB),))
    assert {row.metric: row.verdict for row in report.rows}["compressed"] is Verdict.unknown
    assert report.breaches == ()


def test_without_a_baseline_budgets_alone_count() -> None:
    assert verdicts(compared(metrics(), unpacked_mb=200)) == {"unpacked": "within"}
    assert verdicts(compared(metrics())) == {}


@pytest.mark.parametrize(
    ("before", "now", "grown"),
    [
        (50 * MB, 55 * MB, False),  # 10 %
        (50 * MB, 55 * MB + 1, True),
        (5000 * MB, 5100 * MB, False),  # 100 MB
        (5000 * MB, 5100 * MB + 1, True),
        (2000, 1_002_000, False),  # a megabyte is none, of however little
        (2000, 1_002_001, True),
        (50 * MB, 5 * MB, False),
    ],
)
def test_growth_counts_beyond_the_smaller_of_a_share_and_a_size(before: int, now: int, grown: bool) -> None:
    report = compared(metrics(unpacked_bytes=now), before=(metrics(unpacked_bytes=before),))
    assert verdicts(report) == {"unpacked": "grew" if grown else "within"}


def test_a_tolerance_may_be_a_share_or_a_size_alone() -> None:
    before, now = metrics(unpacked_bytes=5000 * MB), metrics(unpacked_bytes=5200 * MB)
    share, size = Tolerance(share=0.1, size_bytes=None), Tolerance(share=None, size_bytes=100 * MB)
    assert verdicts(compared(now, before=(before,), tolerance=share)) == {"unpacked": "within"}
    assert verdicts(compared(now, before=(before,), tolerance=size)) == {"unpacked": "grew"}
    assert [one.text for one in (Tolerance(), share, size)] == ["10 % or 100 MB", "10 %", "100 MB"]


def test_a_time_never_grows_since_it_differs_from_run_to_run() -> None:
    report = compared(
        metrics(import_s=9e8, build_ratio=9e8), before=(metrics(import_s=1.0, build_ratio=1.0),)
    )
    assert verdicts(report) == {"unpacked": "within", "import": "within", "build": "within"}
    assert {row.metric: row.change for row in report.rows}["import"] == 9e8 - 1


def test_what_grew_is_named_by_layer_and_by_distribution_the_largest_first() -> None:
    before = metrics(
        unpacked_bytes=100 * MB,
        layers=(("Python packages (asr)", 60 * MB), ("files at /opt/app/", 1)),
        distributions={"av": 30 * MB, "gone": 2 * MB, "same": 5},
        packages={},
    )
    now = metrics(
        unpacked_bytes=150 * MB,
        layers=(("Python packages (asr)", 110 * MB), ("files at /opt/app/", 1)),
        distributions={"av": 60 * MB, "new": 22 * MB, "same": 5},
        packages={},
    )
    assert compared(now, before=(before,)).causes == (
        Cause(image="asr:cpu", kind="layer", name="Python packages (asr)", now=110 * MB, before=60 * MB),
        Cause(image="asr:cpu", kind="Python", name="av", now=60 * MB, before=30 * MB),
        Cause(image="asr:cpu", kind="Python", name="new", now=22 * MB, before=0),
        Cause(image="asr:cpu", kind="Python", name="gone", now=0, before=2 * MB),
    )


def test_growth_of_what_an_image_is_built_on_is_named_there() -> None:
    report = compared(
        metrics("base:cpu", unpacked_bytes=90 * MB, packages={"ffmpeg": 40 * MB}, distributions={}),
        metrics(unpacked_bytes=150 * MB),
        before=(
            metrics("base:cpu", unpacked_bytes=50 * MB, packages={}, distributions={}),
            metrics(unpacked_bytes=110 * MB),
        ),
    )
    assert [row.image for row in report.breaches] == ["asr:cpu"]
    assert report.causes == (Cause(image="base:cpu", kind="Debian", name="ffmpeg", now=40 * MB, before=0),)


def test_over_a_budget_without_a_baseline_the_largest_are_named_and_nothing_is_called_grown() -> None:
    report = compared(metrics(distributions={"a": 1, "b": 2}), unpacked_mb=1)
    assert report.causes == (
        Cause(image="asr:cpu", kind="Python", name="b", now=2, before=None),
        Cause(image="asr:cpu", kind="Python", name="a", now=1, before=None),
    )


def test_a_good_image_has_no_causes_and_one_that_is_not_here_is_named() -> None:
    report = compared(
        metrics(distributions={"a": 1}),
        before=(metrics(distributions={"a": 2}),),
        wanted=("asr:cpu", "base:cpu"),
    )
    assert (report.causes, report.absent) == ((), ("base:cpu",))


def test_it_survives_its_json() -> None:
    report = compared(metrics(distributions={"a": 1}), unpacked_mb=1)
    assert BudgetReport.model_validate_json(report.as_json()) == report
