"""The end of a run, all that is said of it: the table, the failures, the warnings, the sum."""

from __future__ import annotations

from ci.report.report import Report
from ci.report.table import Line, failure_lines, summary_text, table_lines


def end_lines(report: Report, *, width: int | None = None) -> tuple[Line, ...]:
    """Return the table, no wider than `width`, the failures with their last lines, warnings, the sum."""
    return (
        *table_lines(report, width=width),
        *failure_lines(report),
        Line(text=""),
        *(Line(text=f"warning: {text}") for text in report.warnings),
        Line(text=summary_text(report)),
    )


def end_text(report: Report) -> str:
    """Return the same as one text; where images failed, the class of each one's error is the last of it."""
    lines = [line.text for line in end_lines(report)]
    lines += [f"{failure.error or 'failed'}: {failure.task}" for failure in report.failures]
    return "\n".join(lines)
