"""The events of a run, one frozen type per kind; a run's log is one of them per line, as JSON.

`time_s` is the number of seconds since the log was opened. It is stamped by the log that an event is
emitted to, so nobody else needs a clock.
"""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter

from ci.report.check import Check
from ci.report.outcome import Outcome
from ci.report.value import Value


class PlannedTask(Value):
    """One task as the plan has it; `image`, `variant` and `key` are given for the build of an image only."""

    id: str
    needs: tuple[str, ...] = ()
    image: str | None = None
    variant: str | None = None
    key: str | None = None
    expected_s: float = 0.0


class Details(Value):
    """What is known of a task that ended well.

    `unique_bytes` are those of the layers that no other image shares. `figures` are further numbers or words
    of the task's own, by name ("wheels": 31).
    """

    key: str | None = None
    reference: str | None = None
    digest: str | None = None
    reason: str | None = None
    unpacked_bytes: int | None = None
    unique_bytes: int | None = None
    figures: dict[str, int | float | str] = Field(default_factory=dict)


class Failure(Value):
    """Why a task failed: the error's class and own message, the last lines of the failed step, its full log.

    `exit_code` is that of the error's kind. `traceback` is there when the error was none of dockwright's own,
    which is a bug in dockwright.
    """

    message: str
    error: str | None = None
    last_lines: tuple[str, ...] = ()
    log: str | None = None
    exit_code: int | None = None
    traceback: str | None = None


class Checkout(Value):
    """The git checkout that a run built from, so that it can be had again.

    `commit` is a full object name; `stack` the stack's directory in the repository and `code` that of the
    dockwright that ran, both POSIX, `.` for the top; `code` is none where that lay elsewhere. `patch` is what
    differed from the commit below these two, as `git apply` takes it, empty where nothing did; it is none
    where it was left out, and `left_out` says why.
    """

    commit: str = Field(pattern="^([0-9a-f]{40}|[0-9a-f]{64})$")
    stack: str = "."
    code: str | None = None
    patch: str | None = ""
    left_out: str = ""


class RunStarted(Value):
    """The first event: what was typed, under which settings and versions, and what is going to be done.

    `settings` must hold no secret: the log is made to be attached to a bug report. `base` is the kind of base
    that they came to, `engine` what builds (empty: nothing does).
    """

    kind: Literal["run_started"] = "run_started"
    time_s: float = 0.0
    event_schema: Literal[1] = 1
    argv: tuple[str, ...] = ()
    started_at: str = ""
    """Wall-clock time, ISO 8601 with its offset; every other time in the log is relative to it."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    base: str = ""
    engine: str = ""
    checkout: Checkout | None = None
    tasks: tuple[PlannedTask, ...] = ()
    capacity: int = 1


class TaskStarted(Value):
    """A task began; `log` is where its full output goes."""

    kind: Literal["task_started"] = "task_started"
    time_s: float = 0.0
    task: str
    log: str | None = None


class Step(Value):
    """A running task reached the step that `text` names."""

    kind: Literal["step"] = "step"
    time_s: float = 0.0
    task: str
    text: str


class Note(Value):
    """Something worth knowing; it changes nothing."""

    kind: Literal["note"] = "note"
    time_s: float = 0.0
    text: str
    task: str | None = None


class Warned(Value):
    """Something went wrong and the run goes on without it; the report repeats it."""

    kind: Literal["warning"] = "warning"
    time_s: float = 0.0
    text: str
    task: str | None = None


class Checked(Value):
    """An image was checked; all of its checks, in the order of the ladder."""

    kind: Literal["checked"] = "checked"
    time_s: float = 0.0
    task: str
    checks: tuple[Check, ...]


class TaskEnded(Value):
    """A task ended, or will never start; `blocked_by` names the failures that it waited for."""

    kind: Literal["task_ended"] = "task_ended"
    time_s: float = 0.0
    task: str
    outcome: Outcome
    seconds: float = 0.0
    details: Details = Details()
    failure: Failure | None = None
    blocked_by: tuple[str, ...] = ()


class DiskUsed(Value):
    """What a run did to its disks, seen every few seconds: of all that happened there, by whomever.

    `peak_bytes` is the most that was in use beyond what was at the start, on all file systems that hold the
    store, temporary files and state; `lowest_free_bytes` the least that was free on one of them.
    """

    kind: Literal["disk_used"] = "disk_used"
    time_s: float = 0.0
    peak_bytes: int
    lowest_free_bytes: int
    paths: tuple[str, ...] = ()


class RunEnded(Value):
    """The last event. A log without it belongs to a run that was killed or is still going on."""

    kind: Literal["run_ended"] = "run_ended"
    time_s: float = 0.0
    exit_code: int
    interrupted: bool = False


Event = RunStarted | TaskStarted | Step | Note | Warned | Checked | TaskEnded | DiskUsed | RunEnded

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def event_line(event: Event) -> str:
    """Return `event` as one line of JSON, its newline included; it is plain ASCII."""
    return event.model_dump_json(ensure_ascii=True) + "\n"


def event_of(line: str) -> Event:
    """Return the event that `line` holds.

    Raises:
        ValueError: it is no JSON, or no event of this schema.
    """
    return _EVENT.validate_json(line)
