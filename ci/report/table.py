"""The table and the sentences at the end of a run, as lines of text. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ci.names.digest import bare_digest
from ci.report.checks import counts_of
from ci.report.outcome import Outcome
from ci.report.report import FailureRow, ImageRow, Report, TaskRow
from ci.report.units import size_text, time_text

KEY_DIGITS = 12

_GAP = "  "
_DROPPED_FIRST = ("key", "checks", "unique", "size", "time")
_RIGHT = frozenset({"time", "size", "unique"})
_ORDER = (
    Outcome.built,
    Outcome.reused,
    Outcome.planned,
    Outcome.unfinished,
    Outcome.failed,
    Outcome.blocked,
    Outcome.cancelled,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of text; `outcome` is that of its row, for colours."""

    text: str
    outcome: Outcome | None = None


def table_lines(report: Report, *, width: int | None = None) -> tuple[Line, ...]:
    """Return the table of images and the one of everything else, no line wider than `width`.

    If `width` is too small, columns are left out (the key first, then the checks, whose failures are printed
    below), then lines are cut. If nothing was checked there is no column for checks.
    """
    checks = ("checks",) if any(row.checks for row in report.images) else ()
    lines = _columns(
        ("image", "variant", "action", "time", "size", "unique", *checks, "key"),
        [(row.action, _image_cells(row)) for row in report.images],
        width,
    )
    others = _columns(
        ("other task", "action", "time"), [(row.action, _other_cells(row)) for row in report.others], width
    )
    if lines and others:
        lines.append(Line(text=""))
    return tuple(lines + others)


def failure_lines(report: Report) -> tuple[Line, ...]:
    """Return the lines about each failure: its message, the last lines, the path of the full log."""
    lines: list[Line] = []
    for failure in report.failures:
        lines.extend(_failure(failure))
    return tuple(lines)


def summary_text(report: Report) -> str:
    """Return one sentence: the number of images by outcome, and the duration."""
    images = Counter(row.action for row in report.images)
    others = Counter(row.action for row in report.others if not row.action.ok)
    counted = ", ".join(f"{images[outcome]} {outcome}" for outcome in _ORDER if images[outcome])
    noun = "image" if len(report.images) == 1 else "images"
    text = f"{len(report.images)} {noun}: {counted}" if counted else "no image was requested"
    if others:
        text += "; other tasks: " + ", ".join(
            f"{others[outcome]} {outcome}" for outcome in _ORDER if others[outcome]
        )
    if report.interrupted:
        text += "; interrupted"
    elif not report.complete:
        text += "; the log is not complete: the run was killed or is still going on"
    return f"{text} ({time_text(report.seconds)})"


def action_text(row: TaskRow) -> str:
    """Return the action, with the blocking tasks: `blocked by base-ml:cpu`."""
    if not row.blocked_by:
        return str(row.action)
    return f"{row.action} by {', '.join(row.blocked_by)}"


def _image_cells(row: ImageRow) -> dict[str, str]:
    return {
        "image": row.image,
        "variant": row.variant,
        "action": action_text(row),
        "time": time_text(row.seconds),
        "size": size_text(row.unpacked_bytes),
        "unique": size_text(row.unique_bytes),
        "checks": counts_of(row.checks).short_text,
        "key": bare_digest(row.key or "-")[:KEY_DIGITS],
    }


def _other_cells(row: TaskRow) -> dict[str, str]:
    return {"other task": row.task, "action": action_text(row), "time": time_text(row.seconds)}


def _columns(
    names: Sequence[str], rows: Sequence[tuple[Outcome, dict[str, str]]], width: int | None
) -> list[Line]:
    if not rows:
        return []
    table = [(None, {name: name for name in names}), *rows]
    widths = {name: max(len(cells[name]) for _, cells in table) for name in names}
    for name in _DROPPED_FIRST:
        if width is None or sum(widths.values()) + len(_GAP) * (len(widths) - 1) <= width:
            break
        widths.pop(name, None)
    lines: list[Line] = []
    for outcome, cells in table:
        text = _GAP.join(
            cells[name].rjust(wide) if name in _RIGHT else cells[name].ljust(wide)
            for name, wide in widths.items()
        ).rstrip()
        lines.append(Line(text=text if width is None else text[:width], outcome=outcome))
    return lines


def _failure(failure: FailureRow) -> list[Line]:
    lines = [Line(text=""), Line(text=f"{failure.task} failed:", outcome=Outcome.failed)]
    lines += [Line(text=f"  {text}") for text in failure.message.splitlines()]
    if failure.last_lines:
        lines.append(Line(text="  last lines of its output:"))
        lines += [Line(text=f"  | {text}") for text in failure.last_lines]
    if failure.traceback:
        lines += [Line(text=f"  {text}") for text in failure.traceback.rstrip().splitlines()]
    if failure.log:
        lines.append(Line(text=f"  full log: {failure.log}"))
    return lines


def end_lines(report: Report, *, width: int | None = None) -> tuple[Line, ...]:
    """Return the table, no wider than `width`, the failures with their last lines, warnings, the summary."""
    return (
        *table_lines(report, width=width),
        *failure_lines(report),
        Line(text=""),
        *(Line(text=f"warning: {text}") for text in report.warnings),
        Line(text=summary_text(report)),
    )


def end_text(report: Report) -> str:
    """Return the same as one text; at its end the class of the error of each failed task."""
    lines = [line.text for line in end_lines(report)]
    lines += [f"{failure.error or 'failed'}: {failure.task}" for failure in report.failures]
    return "\n".join(lines)
