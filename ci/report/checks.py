"""The checks of images, counted and grouped for tables and pages. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ci.report.check import Check, Rung, Status
from ci.report.report import ImageRow

_WORST_FIRST = (Status.failed, Status.blocked, Status.passed, Status.skipped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The number of checks by status. `recorded` counts the passed ones that were not repeated."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    blocked: int = 0
    recorded: int = 0

    @property
    def total(self) -> int:
        """The number of checks."""
        return self.passed + self.failed + self.skipped + self.blocked

    @property
    def status(self) -> Status:
        """The worst status of all checks; skipped only if all were skipped."""
        return next((status for status in _WORST_FIRST if self._of(status)), Status.skipped)

    @property
    def word(self) -> str:
        """The status if all checks have the same, as in `passed` or `passed (recorded)`; else `text`."""
        if self._of(self.status) < self.total:
            return self.text
        match self.recorded:
            case 0:
                return str(self.status)
            case self.passed:
                return f"{self.status} (recorded)"
            case _:
                return self.text

    @property
    def text(self) -> str:
        """All counts, the worst status first: `1 failed, 3 passed`; `-` for none."""
        return self._text(_WORST_FIRST)

    @property
    def short_text(self) -> str:
        """The failed and blocked counts; if there are none, the passed and skipped ones."""
        return self._text(_WORST_FIRST[:2] if self.failed + self.blocked else _WORST_FIRST[2:])

    def _text(self, wanted: Sequence[Status]) -> str:
        texts = []
        for status in wanted:
            number, more = self._of(status), ""
            if status is Status.passed and self.recorded:
                more = " (recorded)" if self.recorded == number else f" ({self.recorded} recorded)"
            texts += [f"{number} {status}{more}"] if number else []
        return ", ".join(texts) or "-"

    def _of(self, status: Status) -> int:
        match status:
            case Status.passed:
                return self.passed
            case Status.failed:
                return self.failed
            case Status.skipped:
                return self.skipped
            case Status.blocked:
                return self.blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why the checks `names` of one rung were skipped or blocked, in each of the images `tasks`."""

    status: Status
    rung: Rung
    text: str
    names: tuple[str, ...]
    tasks: tuple[str, ...]


def counts_of(checks: Sequence[Check]) -> Counts:
    """Return the number of `checks` by status."""
    number = Counter(check.status for check in checks)
    return Counts(
        passed=number[Status.passed],
        failed=number[Status.failed],
        skipped=number[Status.skipped],
        blocked=number[Status.blocked],
        recorded=sum(check.recorded for check in checks if check.status is Status.passed),
    )


def rungs_of(checks: Sequence[Check]) -> dict[Rung, Counts]:
    """Return the counts of each rung that has checks, the lowest first."""
    found = {rung: [check for check in checks if check.rung is rung] for rung in Rung}
    return {rung: counts_of(some) for rung, some in found.items() if some}


def reasons_of(images: Sequence[ImageRow], status: Status) -> tuple[Reason, ...]:
    """Return the reasons of the checks with this `status`, the lowest rung first.

    Images with the same reason are grouped.
    """
    names: dict[tuple[str, Rung, str], list[str]] = {}
    for row in images:
        for check in row.checks:
            if check.status is status:
                names.setdefault((row.task, check.rung, check.reason), []).append(check.name)
    tasks: dict[tuple[Rung, str, tuple[str, ...]], list[str]] = {}
    for (task, rung, text), some in names.items():
        tasks.setdefault((rung, text, tuple(some)), []).append(task)
    order = list(Rung)
    return tuple(
        Reason(status=status, rung=rung, text=text, names=some, tasks=tuple(ids))
        for (rung, text, some), ids in sorted(tasks.items(), key=lambda item: order.index(item[0][0]))
    )
