from __future__ import annotations

from ci.report.budget.metrics import Metrics
from ci.report.budget.text import budget_lines, budget_markdown
from tests.unit.report.budget.test_budget import MB, compared
from tests.unit.report.budget.test_metrics import metrics


def grown() -> tuple[Metrics, Metrics]:
    before = metrics(unpacked_bytes=100 * MB, distributions={"av": 30 * MB}, compressed_bytes=20 * MB)
    now = metrics(
        unpacked_bytes=130 * MB,
        compressed_bytes=21 * MB,
        import_s=1.25,
        build_ratio=3.4,
        distributions={"av": 30 * MB, "new_one": 30 * MB},
    )
    return before, now


def test_a_table_then_the_breaches_then_what_grew() -> None:
    before, now = grown()
    report = compared(now, before=(before,), unpacked_mb=125, compressed_mb=42, build_ratio=4)
    assert budget_lines(report) == (
        "image        unpacked   compressed  unique  shared  import      build",
        "asr:cpu  130 MB 104%!  21.0 MB 50%       -       -   1.2 s  3.40x 85%",
        "compared with: a test",
        "",
        "asr:cpu: unpacked is 130 MB, over its budget of 125 MB by 5.00 MB (was 100 MB, +30.0 MB)",
        "",
        "asr:cpu: changes in what it adds to its parent, the largest first",
        "    +30.0 MB  Python  new_one: new",
    )


def test_growth_is_marked_and_told_with_how_much() -> None:
    before, now = grown()
    lines = budget_lines(compared(now, before=(before,)))
    assert "130 MB+" in lines[1]
    assert "asr:cpu: unpacked grew to 130 MB (was 100 MB, +30.0 MB)" in lines


def test_a_narrow_terminal_loses_columns_and_no_row() -> None:
    _, now = grown()
    lines = budget_lines(compared(now), width=30)
    assert lines[:2] == ("image    unpacked  compressed", "asr:cpu    130 MB     21.0 MB")


def test_many_causes_are_cut_and_counted() -> None:
    many = {f"name-{number}": number for number in range(1, 21)}
    lines = budget_lines(compared(metrics(distributions=many), unpacked_mb=1))
    assert lines[-1] == "  and 8 more; --json lists all"
    assert "the largest first; earlier sizes are unknown" in lines[-14]


def test_a_page_has_the_breaches_first_and_all_metrics_folded() -> None:
    before, now = grown()
    page = budget_markdown(compared(now, before=(before,), unpacked_mb=125))
    assert page == (
        "### Budgets\n\n"
        "Over budget, or grown by more than 10 % or 100 MB: 1 of 6 metrics. Compared with: a test.\n\n"
        "| image | metric | verdict | now | before | change | limit |\n"
        "| --- | --- | --- | --: | --: | --: | --: |\n"
        "| `asr:cpu` | unpacked | over budget | 130 MB | 100 MB | +30.0 MB | 125 MB |\n\n"
        "**`asr:cpu`: changes in what it adds to its parent, the largest first**\n\n"
        "| change | kind | name |\n"
        "| --: | --- | --- |\n"
        "| +30.0 MB | Python | new\\_one: new |\n\n"
        "<details><summary>All metrics</summary>\n\n"
        "| image | unpacked | compressed | unique | shared | import | build |\n"
        "| --- | --: | --: | --: | --: | --: | --: |\n"
        "| asr:cpu | 130 MB 104%! | 21.0 MB | - | - | 1.2 s | 3.40x |\n\n"
        "</details>\n"
    )


def test_a_page_of_nothing_wrong_says_so() -> None:
    page = budget_markdown(compared(metrics(), unpacked_mb=125, wanted=("asr:cpu", "base:cpu")))
    assert "All 6 metrics are within their budgets, or have no budget." in page
    assert page.endswith("Not available, so not measured: `base:cpu`.\n")
