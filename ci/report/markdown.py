"""The report of a run as Markdown, for the summary of a workflow's job or a comment. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ci.errors import SmokeError
from ci.report.check import Check, Rung, Status
from ci.report.checks import Counts, Reason, counts_of, reasons_of, rungs_of
from ci.report.markup import block, excerpt, folded, indented, inline, listed, table
from ci.report.outcome import Outcome
from ci.report.report import FailureRow, ImageRow, Report, TaskRow
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
CHECK_MARKS = {Status.passed: "✅", Status.failed: "❌", Status.skipped: "⏭️", Status.blocked: "⛔"}
PAGE_BYTES = 1 << 20
"""Most that GitHub takes as the summary of one step. Source: GitHub Actions, adding a job summary."""
EXCERPTS = (16_000, 4_000, 1_000, 250)
"""Characters of one failure, or of one image's failed checks; the first limit that fits the page is used."""
LAST_LINES = 30
"""Last lines of a failed step that are shown."""
SHORTEST = 100
"""Characters of one failed check that are always shown."""
FAILED_CHECKS = 40
"""Failed checks of one image that are shown."""
CUT = "The rest is left out, because a page has a size limit. `report.json` has everything."


def markdown(report: Report, title: str = "Images", *, page_bytes: int = PAGE_BYTES) -> str:
    """Return the report as a page of at most `page_bytes` as UTF-8, failures first.

    Its order: a summary sentence; failures with their last lines; failed checks by image; blocked tasks;
    images with the reason of their build; sizes, the largest first; checks by rung; warnings; other tasks;
    disk use.
    """
    for limit in EXCERPTS:
        page = _page(_parts(report, title, limit))
        if len(page.encode()) <= page_bytes:
            return page
    shown: list[str] = []
    left_bytes = page_bytes - len(_page([CUT]).encode())
    for part in _parts(report, title, EXCERPTS[-1]):
        left_bytes -= len(_page([part, ""]).encode()) - 1
        if left_bytes < 0:
            break
        shown.append(part)
    return _page([*shown, CUT])


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _parts(report: Report, title: str, limit: int) -> Iterator[str]:
    yield from (f"### {inline(title)}", f"{summary_text(report)}.")
    checked = {row.task: row for row in report.images if counts_of(row.checks).failed}
    others = [
        one for one in report.failures if one.exit_code != SmokeError.exit_code or one.task not in checked
    ]
    if others:
        yield "#### Failures"
        yield from (_failure(failure, limit) for failure in others)
    if checked:
        yield "#### Failed checks"
        for row in checked.values():
            yield from _failed_checks(row, limit)
    yield from _blocked((*report.images, *report.others))
    yield from _built(report)
    yield from _sizes(report)
    yield from _checks(report)
    if report.warnings:
        yield "#### Warnings"
        yield "\n".join(f"- ⚠️ {inline(warning, limit)}" for warning in report.warnings)
    if report.others:
        rows = [(_action(row), f"`{row.task}`", time_text(row.seconds)) for row in report.others]
        yield folded("Other tasks", table(("", "task", "time"), "--r", rows))
    if report.disk is not None:
        yield f"Disk: at most {size_text(report.disk.peak_bytes)} more in use than at the start."


def _failure(failure: FailureRow, limit: int) -> str:
    lines = failure.message.splitlines()
    if failure.last_lines:
        lines += ["", *failure.last_lines[-LAST_LINES:]]
    if failure.traceback:
        lines += ["", *failure.traceback.rstrip().splitlines()]
    text = excerpt("\n".join(lines), limit)
    return f"**`{failure.task}` failed:**\n\n{block(text)}"


def _failed_checks(row: ImageRow, limit: int) -> Iterator[str]:
    failed = [check for check in row.checks if check.status is Status.failed]
    yield f"**`{row.task}`**: {len(failed)} of {len(row.checks)} checks failed."
    shown = failed[:FAILED_CHECKS]
    items = [_failed_check(check, max(limit // len(shown), SHORTEST)) for check in shown]
    yield ("\n\n" if any("\n" in item for item in items) else "\n").join(items)
    if len(failed) > len(shown):
        yield f"{len(failed) - len(shown)} more failed checks are in `report.json`."


def _failed_check(check: Check, limit: int) -> str:
    detail = "\n".join(check.detail.strip().splitlines())
    first = f"- ❌ {check.rung}: **{inline(check.name)}**"
    if "\n" in detail:
        return f"{first}\n\n{indented(block(excerpt(detail, limit)))}"
    return f"{first}: {inline(detail, limit)}" if detail else first


def _blocked(rows: tuple[TaskRow, ...]) -> Iterator[str]:
    by: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        if row.action is Outcome.blocked:
            by.setdefault(row.blocked_by, []).append(row.task)
    if by:
        yield "#### Blocked"
        yield "\n".join(
            f"- ⛔ by {listed(what) or 'an unknown task'}: {listed(tasks)}" for what, tasks in by.items()
        )


def _built(report: Report) -> Iterator[str]:
    """Yield the tables of images with the reason of each: built ones first, reused ones folded."""
    rows = [row for row in report.images if row.action not in (Outcome.reused, Outcome.blocked)]
    reused = [row for row in report.images if row.action is Outcome.reused]
    if rows or reused:
        yield "#### What was built, and why"
    if rows:
        yield _images(rows)
    if reused:
        yield folded(f"{len(reused)} reused", _images(reused))


def _images(rows: list[ImageRow]) -> str:
    cells = [
        (_action(row), f"`{row.task}`", inline(row.reason or ""), time_text(row.seconds)) for row in rows
    ]
    return table(("", "image", "reason", "time"), "---r", cells)


def _action(row: TaskRow) -> str:
    return f"{MARKS[row.action]} {action_text(row)}"


def _sizes(report: Report) -> Iterator[str]:
    rows = [row for row in report.images if row.unpacked_bytes is not None]
    if rows:
        rows.sort(key=lambda row: row.unpacked_bytes or 0, reverse=True)
        cells = [
            (f"`{row.task}`", size_text(row.unpacked_bytes), size_text(row.unique_bytes)) for row in rows
        ]
        yield "#### Sizes"
        yield table(("image", "unpacked", "unique"), "-rr", cells)


def _checks(report: Report) -> Iterator[str]:
    """Yield the table of images and rungs, and below it why checks were skipped or blocked."""
    rows = [(row, rungs_of(row.checks)) for row in report.images if row.checks]
    if not rows:
        return
    rungs = [rung for rung in Rung if any(rung in found for _, found in rows)]
    yield "#### Checks"
    cells = [
        (f"`{row.task}`", *(_rung(found[rung]) if rung in found else "" for rung in rungs))
        for row, found in rows
    ]
    yield table(("image", *rungs), "-" * (len(rungs) + 1), cells)
    reasons = [
        reason for status in (Status.blocked, Status.skipped) for reason in reasons_of(report.images, status)
    ]
    if reasons:
        yield "\n".join(_reason(reason) for reason in reasons)
    if any(counts.recorded for _, found in rows for counts in found.values()):
        yield "*Recorded*: passed earlier, so not repeated."


def _rung(counts: Counts) -> str:
    return f"{CHECK_MARKS[counts.status]} {counts.word}"


def _reason(reason: Reason) -> str:
    what = f"{CHECK_MARKS[reason.status]} {reason.status}, {reason.rung}: {listed(reason.names)}"
    return f"- {what} in {listed(reason.tasks)}: {inline(reason.text or 'reason unknown')}"
