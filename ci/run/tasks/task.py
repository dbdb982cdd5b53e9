"""The tasks of a run, the result of the work for one, and how each ended."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ci.report.events import Details, PlannedTask
from ci.report.outcome import Outcome
from ci.run.tasks.kind import TaskKind, task_id

__all__ = ["Outcome", "Result", "Task", "Work", "WorkResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing to do once all of `needs`, which are ids of tasks, are done.

    `weight` is what it takes of the run's capacity (a task heavier than all of it runs alone), `expected_s`
    the guess that the longest path is found by. Of the tasks with `commit_token` one runs at a time: two
    large commits at once fight for the disk and end later than one after the other.
    `image`, `variant` and `key` are set for the task of an image; the report lists other tasks apart.
    """

    kind: TaskKind
    needs: tuple[str, ...] = ()
    weight: int = 1
    expected_s: float = 0.0
    commit_token: bool = False
    image: str | None = None
    variant: str | None = None
    key: str | None = None

    @property
    def id(self) -> str:
        """The id by which events, reports and other tasks name it."""
        return task_id(self.kind)

    def planned(self) -> PlannedTask:
        """Return the task as the event log has it before it runs."""
        return PlannedTask(
            id=self.id,
            needs=self.needs,
            image=self.image,
            variant=self.variant,
            key=self.key,
            expected_s=self.expected_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkResult:
    """The result of a task that ended well: `outcome` is `built` or `reused`."""

    outcome: Outcome = Outcome.built
    details: Details = field(default_factory=Details)

    def __post_init__(self) -> None:
        if not self.outcome.ok:
            raise ValueError(
                f"work that ends well is built or reused, not {self.outcome}; a failure is raised"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one task ended. `blocked_by` names the failed tasks, `error` is what a failed one raised."""

    task: Task
    outcome: Outcome
    seconds: float = 0.0
    details: Details = field(default_factory=Details)
    error: Exception | None = None
    blocked_by: tuple[str, ...] = ()


Work = Callable[[Task], Awaitable[WorkResult]]
"""Does one task. It raises `DockwrightError` for a failure, and ends what it started when cancelled."""
