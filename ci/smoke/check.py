"""What a check is: one data type for every rung, now and later."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check ended; these four words mean the same everywhere."""

    passed = "passed"
    failed = "failed"
    skipped = "skipped"
    blocked = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of one image.

    `detail` is what was seen; for `skipped` why, for `blocked` by what. `seconds` is 0 where nothing ran.
    """

    name: str
    status: Status
    detail: str = ""
    seconds: float = 0.0


def verdict(name: str, wrong: str) -> Check:
    """Return the check `name`: failed with what is `wrong`, passed when nothing is."""
    return Check(name=name, status=Status.failed if wrong else Status.passed, detail=wrong)
