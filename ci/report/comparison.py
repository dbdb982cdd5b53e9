"""Compare two reports of one plan, image by image. Pure.

What can't be compared is `unknown`; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ci.engines.capabilities import is_reproducible
from ci.names.digest import bare_digest
from ci.plan.explain import compare, in_short
from ci.plan.keys import Document
from ci.report.outcome import Outcome
from ci.report.report import ImageRow, Report

DocumentOf = Callable[[str, str], Document | None]
"""Return the key document of an image (`image:variant`) under a key, None if it is not available."""
DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The comparison of one image variant; `text` explains it in one line."""

    image: str
    word: Literal["equal", "differs", "unknown"]
    text: str


def verdicts(there: Report, here: Report, document: DocumentOf) -> tuple[Verdict, ...]:
    """Return a verdict for each image of the report `there`, compared with the report `here`."""
    found = {row.task: row for row in here.images}
    return tuple(_verdict(row, found.get(row.task), there, here, document) for row in there.images)


def other_keys(there: Report, here: Report) -> tuple[tuple[str, str, str], ...]:
    """Return the images with other keys here than there: `image:variant`, the key there, the key here."""
    found = {row.task: row.key for row in here.images}
    pairs = [(row.task, row.key, found.get(row.task)) for row in there.images]
    return tuple((id_, one, other) for id_, one, other in pairs if one and other and one != other)


def _verdict(
    row: ImageRow, other: ImageRow | None, there: Report, here: Report, document: DocumentOf
) -> Verdict:
    if other is None:
        return Verdict(image=row.task, word="unknown", text="not built here")
    outcome, differs = _outcome(row, other, there, here)
    if row.key and other.key and row.key != other.key:
        keys = f"key {_short(row.key)} there, {_short(other.key)} here: "
        reason = _reason(document(row.task, row.key), document(row.task, other.key))
        return Verdict(image=row.task, word="differs", text=f"{keys}{reason}{outcome and f'; {outcome}'}")
    if differs is None:
        return Verdict(image=row.task, word="unknown", text=outcome)
    if outcome:
        return Verdict(image=row.task, word="differs" if differs else "equal", text=outcome)
    if row.key is None or other.key is None:
        return Verdict(image=row.task, word="unknown", text="its key is missing in a report")
    return _digests(row, other, there, here)


def _outcome(row: ImageRow, other: ImageRow, there: Report, here: Report) -> tuple[str, bool | None]:
    """Return how the builds ended, empty if both gave an image, and whether that is a difference.

    None: unknown.
    """
    if row.action.ok and other.action.ok:
        return "", False
    for one, where in ((row, "there"), (other, "here")):
        if not one.action.ok and one.action not in (Outcome.failed, Outcome.blocked):
            return f"{where} it was {one.action}, so it can't be compared", None
    if row.action is Outcome.failed and other.action is Outcome.failed:
        before, now = _last_line(there, row), _last_line(here, other)
        if before == now:
            return f"fails here too: {now}", False
        return f"fails here too, with another error: {now}; there: {before}", True
    if row.action == other.action:
        return f"blocked here too, by {', '.join(other.blocked_by)}", False
    return f"{_outcome_text(row, there)} there, {_outcome_text(other, here)} here", True


def _outcome_text(row: ImageRow, report: Report) -> str:
    match row.action:
        case Outcome.failed:
            return f"failed ({_last_line(report, row)})"
        case Outcome.blocked:
            return f"blocked by {', '.join(row.blocked_by)}"
        case _:
            return str(row.action)


def _last_line(report: Report, row: ImageRow) -> str:
    """Return the last line of a failure's output, which names no log and no folder of a machine."""
    for failure in report.failures:
        if failure.task == row.task:
            lines = [line.strip() for line in (*failure.message.splitlines(), *failure.last_lines)]
            return next((line for line in reversed(lines) if line), "reason unknown")
    return "reason unknown"


def _reason(old: Document | None, new: Document | None) -> str:
    if old is None or new is None:
        where = " and ".join(name for name, one in (("there", old), ("here", new)) if one is None)
        return f"reason unknown: no key document of the one {where} is available"
    changes = compare(old, new)
    return in_short(changes) if changes else "reason unknown: the key documents are equal"


def _digests(row: ImageRow, other: ImageRow, there: Report, here: Report) -> Verdict:
    key = f"key {_short(row.key or '')}"
    made = "built here" if other.action is Outcome.built else "already here"
    engines = [report.engine for report in (there, here) if not is_reproducible(report.engine)]
    if engines or row.digest is None or other.digest is None:
        reason = f"{engines[0]} gives no equal digests" if engines else "its digest is missing in a report"
        return Verdict(
            image=row.task, word="equal", text=f"{key}, {made}; digests are not compared: {reason}"
        )
    before, now = _short(row.digest), _short(other.digest)
    if before == now:
        return Verdict(image=row.task, word="equal", text=f"{key}, config {now}, {made}")
    text = f"config digest {before} there, {now} here, under one {key}"
    return Verdict(image=row.task, word="differs", text=text)


def _short(text: str) -> str:
    return bare_digest(text)[:DIGITS]
