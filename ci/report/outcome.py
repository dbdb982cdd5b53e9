"""How a task of a run ended. Pure."""

from enum import StrEnum


class Outcome(StrEnum):
    """How a task ended; a report says `planned` or `unfinished` if the log has no end of the task."""

    built = "built"
    reused = "reused"
    failed = "failed"
    blocked = "blocked"
    """It never started, because a task that it needs failed."""
    cancelled = "cancelled"
    """The run was interrupted, or stopped at its first failure."""
    planned = "planned"
    """It never started, and the log has no reason: a dry run, or a run that was killed."""
    unfinished = "unfinished"
    """It started, and the log ends before the task: the run was killed, or is still going on."""

    @property
    def ok(self) -> bool:
        """Whether the result of the task exists."""
        return self in (Outcome.built, Outcome.reused)
