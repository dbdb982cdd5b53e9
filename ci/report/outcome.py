"""How a task of a run ended."""

from enum import StrEnum


class Outcome(StrEnum):
    """How a task ended; `planned` and `unfinished` are what a report says where no end is recorded."""

    built = "built"
    reused = "reused"
    failed = "failed"
    blocked = "blocked"
    """It never started: something that it needs failed."""
    cancelled = "cancelled"
    """The run was interrupted, or stopped at its first failure."""
    planned = "planned"
    """It never started, and the log says nothing about why: a dry run, or a run that was killed."""
    unfinished = "unfinished"
    """It started, and the log ends before it does: the run was killed, or is still going on."""

    @property
    def ok(self) -> bool:
        """Whether what was asked for exists."""
        return self in (Outcome.built, Outcome.reused)
