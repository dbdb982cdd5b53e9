"""The comparison with budgets as lines for a terminal, and as Markdown for a job's summary. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from ci.report.budget.budget import MEASURES, BudgetReport, Cause, Row, Verdict
from ci.report.markup import folded, inline, table
from ci.report.units import size_text, time_text

SHOWN = 12
"""Causes of one image that are shown; JSON has all."""
GAP = "  "
NAMES = tuple(measure.name for measure in MEASURES)
DROPPED_FIRST = ("build", "import", "shared", "unique", "compressed")
SYMBOLS = {Verdict.over: "!", Verdict.grew: "+"}


def value_text(row: Row, value: float | None) -> str:
    """Return a metric of `row` with its unit; `-` for none."""
    if value is None:
        return "-"
    if row.unit == "ratio":
        return f"{value:.2f}x"
    return size_text(round(value)) if row.unit == "bytes" else time_text(value)


def change_text(row: Row) -> str:
    """Return the difference to before; `-` if unknown."""
    if row.change is None:
        return "-"
    sign = "-" if row.change < 0 else "+"
    return f"{sign}{value_text(row, abs(row.change))}"


def breach_text(row: Row) -> str:
    """Return a sentence about a metric that is over budget or grew."""
    was = "" if row.before is None else f" (was {value_text(row, row.before)}, {change_text(row)})"
    if row.verdict is Verdict.over and row.now is not None and row.limit is not None:
        return (
            f"{row.image}: {row.metric} is {value_text(row, row.now)}, over its budget of "
            f"{value_text(row, row.limit)} by {value_text(row, row.now - row.limit)}{was}"
        )
    return f"{row.image}: {row.metric} grew to {value_text(row, row.now)}{was}"


def budget_lines(report: BudgetReport, *, width: int | None = None) -> tuple[str, ...]:
    """Return the table of all metrics with their share of the budget, then what is over budget or grew.

    No line of the table is wider than `width`: columns are left out for that, times first.
    """
    lines = _table_lines(report, width)
    lines += [f"{id_}: not available, so not measured" for id_ in report.absent]
    lines.append(f"compared with: {report.baseline}")
    if report.breaches:
        lines += ["", *(breach_text(row) for row in report.breaches)]
    for image, causes in _by_image(report):
        lines += ["", f"{image}: {_title(causes)}"]
        lines += [f"{GAP}{_cause_change(one):>10}{GAP}{one.kind:<6}{GAP}{_cause_text(one)}" for one in causes]
        lines += _more(report, image)
    return tuple(lines)


def budget_markdown(report: BudgetReport, title: str = "Budgets") -> str:
    """Return a page: what is over budget or grew, the causes, then the table of all metrics."""
    count = len(report.breaches)
    sentence = (
        f"Over budget, or grown by more than {report.tolerance.text}: {count} of {len(report.rows)} metrics."
        if count
        else f"All {len(report.rows)} metrics are within their budgets, or have no budget."
    )
    parts = [f"### {title}", f"{sentence} Compared with: {inline(report.baseline)}."]
    if count:
        rows = [
            (
                f"`{row.image}`",
                row.metric,
                str(row.verdict),
                value_text(row, row.now),
                value_text(row, row.before),
                change_text(row),
                value_text(row, row.limit),
            )
            for row in report.breaches
        ]
        parts.append(
            table(("image", "metric", "verdict", "now", "before", "change", "limit"), "---rrrr", rows)
        )
    for image, causes in _by_image(report):
        cells = [(_cause_change(one), one.kind, inline(_cause_text(one))) for one in causes]
        more = "".join(f"\n\n{line.strip()}" for line in _more(report, image))
        parts.append(
            f"**`{image}`: {_title(causes)}**\n\n{table(('change', 'kind', 'name'), 'r--', cells)}{more}"
        )
    metrics = [_cells(row) for row in _images(report)]
    parts.append(folded("All metrics", table(("image", *NAMES), "-" + "r" * len(NAMES), metrics)))
    if report.absent:
        parts.append(f"Not available, so not measured: {', '.join(f'`{id_}`' for id_ in report.absent)}.")
    return "\n\n".join(parts) + "\n"


def _images(report: BudgetReport) -> list[list[Row]]:
    return [list(rows) for _, rows in groupby(report.rows, key=lambda row: row.image)]


def _cells(rows: Sequence[Row]) -> list[str]:
    return [rows[0].image, *(_cell(row) for row in rows)]


def _cell(row: Row) -> str:
    """Return a metric, its share of the budget, and a symbol if it is over budget or grew."""
    if row.now is None:
        return "-"
    share = f" {row.now / row.limit * 100:.0f}%" if row.limit else ""
    return f"{value_text(row, row.now)}{share}{SYMBOLS.get(row.verdict, '')}"


def _table_lines(report: BudgetReport, width: int | None) -> list[str]:
    names = ["image", *NAMES]
    cells = [dict(zip(names, _cells(shown), strict=True)) for shown in _images(report)]
    if not cells:
        return []
    rows = [dict(zip(names, names, strict=True)), *cells]
    for name in ("", *DROPPED_FIRST):
        names = [one for one in names if one != name]
        wide = {one: max(len(row[one]) for row in rows) for one in names}
        if width is None or sum(wide.values()) + len(GAP) * (len(wide) - 1) <= width:
            break
    return [
        GAP.join(row[one].ljust(wide[one]) if one == "image" else row[one].rjust(wide[one]) for one in names)
        for row in rows
    ]


def _by_image(report: BudgetReport) -> Iterable[tuple[str, list[Cause]]]:
    """Yield the causes to show by image, in the order of the report."""
    for image in dict.fromkeys(cause.image for cause in report.causes):
        yield image, [cause for cause in report.causes if cause.image == image][:SHOWN]


def _more(report: BudgetReport, image: str) -> list[str]:
    left = sum(cause.image == image for cause in report.causes) - SHOWN
    return [f"{GAP}and {left} more; --json lists all"] if left > 0 else []


def _title(causes: Sequence[Cause]) -> str:
    if all(one.before is None for one in causes):
        return "what it adds to its parent, the largest first; earlier sizes are unknown"
    return "changes in what it adds to its parent, the largest first"


def _cause_change(cause: Cause) -> str:
    if cause.before is None:
        return size_text(cause.now)
    return f"{'-' if cause.change < 0 else '+'}{size_text(abs(cause.change))}"


def _cause_text(cause: Cause) -> str:
    if cause.before is None:
        return cause.name
    if cause.before == 0:
        return f"{cause.name}: new"
    if cause.now == 0:
        return f"{cause.name}: removed"
    return f"{cause.name}: {size_text(cause.before)} → {size_text(cause.now)}"
