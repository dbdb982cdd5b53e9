"""The report of a run as Markdown, for the summary of a workflow's job or a comment. Pure.

Source: GitHub Flavored Markdown 0.29, tables and fenced code blocks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ci.report.outcome import Outcome
from ci.report.report import FailureRow, Report, TaskRow
from ci.report.table import action_text, summary_text
from ci.report.units import size_text, time_text

MARKS = {
    Outcome.built: "✅",
    Outcome.reused: "♻️",
    Outcome.failed: "❌",
    Outcome.blocked: "⛔",
    Outcome.cancelled: "✋",
    Outcome.planned: "⏸️",
    Outcome.unfinished: "⏸️",
}
LAST_LINES = 30
"""Of a failed step; a job's summary may have 1 MiB. Source: GitHub Actions, adding a job summary."""


def markdown(report: Report, title: str = "Images") -> str:
    """Return the report as a page: a sentence, the table of images, failures, warnings, everything else."""
    parts = [f"### {title}", f"{summary_text(report)}."]
    if report.images:
        parts.append(_images(report))
    parts += [_failure(failure) for failure in report.failures]
    if report.warnings:
        parts.append("\n".join(f"- ⚠️ {_inline(warning)}" for warning in report.warnings))
    if report.others:
        rows = [(_action(row), f"`{row.task}`", time_text(row.seconds)) for row in report.others]
        table = _table(("", "also", "time"), "--r", rows)
        parts.append(f"<details><summary>What else was done</summary>\n\n{table}\n\n</details>")
    if report.disk is not None:
        parts.append(f"Disk: at most {size_text(report.disk.peak_bytes)} more in use than at the start.")
    return "\n\n".join(parts) + "\n"


def _images(report: Report) -> str:
    rows = [
        (
            _action(row),
            f"`{row.image}:{row.variant}`",
            _inline(row.reason or ""),
            time_text(row.seconds),
            size_text(row.unpacked_bytes),
            size_text(row.unique_bytes),
        )
        for row in report.images
    ]
    return _table(("", "image", "reason", "time", "size", "unique"), "---rrr", rows)


def _action(row: TaskRow) -> str:
    return f"{MARKS[row.action]} {action_text(row)}"


def _failure(failure: FailureRow) -> str:
    lines = [*failure.message.splitlines()]
    if failure.last_lines:
        lines += ["", *failure.last_lines[-LAST_LINES:]]
    if failure.traceback:
        lines += ["", *failure.traceback.rstrip().splitlines()]
    return f"**`{failure.task}` failed:**\n\n{_block(lines)}"


def _block(lines: Sequence[str]) -> str:
    """Return a code block; its fence is longer than any that stands in it."""
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _table(names: Sequence[str], sides: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a table; `sides` has an `r` for each column that stands at the right."""
    ruler = ["--:" if side == "r" else "---" for side in sides]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (names, ruler, *rows))


def _inline(text: str) -> str:
    """Return `text` as one line in which nothing is a mark of Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>|~&#])", r"\\\1", " ".join(text.split()))
