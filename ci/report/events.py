"""The events of a run, one frozen type per kind; a run's log has one event per line, as JSON. Pure.

`time_s` is the number of seconds since the log was opened. The log sets it when an event is emitted, so no
other code needs a clock.
"""

from typing import Annotated, Literal, Protocol

from pydantic import Field, JsonValue, TypeAdapter

from ci.report.check import Check
from ci.report.outcome import Outcome
from ci.report.value import Value

TimeS = Annotated[float, Field(description="Seconds since the log was opened.")]
TaskId = Annotated[str, Field(description="The id of the task in the plan.")]


class PlannedTask(Value):
    """One planned task. Only the build of an image has `image`, `variant` and `key`."""

    id: TaskId
    needs: tuple[str, ...] = Field((), description="The tasks that have to succeed before it.")
    image: str | None = Field(None, description="The image that it builds.")
    variant: str | None = Field(None, description="The variant of that image.")
    key: str | None = Field(None, description="The planned key of that image.")
    expected_s: float = Field(0.0, description="The estimated duration in seconds.")


class Details(Value):
    """The result of a task that succeeded."""

    key: str | None = Field(None, description="The image's key.")
    reference: str | None = Field(None, description="The image's name in the store.")
    digest: str | None = Field(None, description="The digest of the image's config.")
    reason: str | None = Field(None, description="Why it was built or reused.")
    unpacked_bytes: int | None = Field(None, description="Size of the image's file system in bytes.")
    unique_bytes: int | None = Field(None, description="Bytes in layers that no other image has.")
    user_s: float | None = Field(None, description="Processor seconds in user mode for building the image.")
    metrics: dict[str, int | float | str] = Field(
        default_factory=dict,
        description='Further numbers or texts of the task, by name ("wheels": 31).',
    )


class Failure(Value):
    """Why a task failed."""

    message: str = Field(description="The whole message of the error.")
    error: str | None = Field(None, description="The class of the error, one of ci/errors.py.")
    last_lines: tuple[str, ...] = Field((), description="The last lines of the output of the failed step.")
    log: str | None = Field(None, description="The file with the task's full output.")
    exit_code: int | None = Field(None, description="The exit code of this kind of error.")
    traceback: str | None = Field(
        None, description="Set if the error is not one of dockwright's own, which is a bug in dockwright."
    )


class Checkout(Value):
    """The git checkout that a run built from, so that it can be restored."""

    commit: str = Field(pattern="^([0-9a-f]{40}|[0-9a-f]{64})$", description="A full object name.")
    stack: str = Field(
        ".", description="The stack's directory in the repository, as a POSIX path; `.` for the top."
    )
    code: str | None = Field(
        None,
        description="The directory of the dockwright that ran, likewise; null if it is in no repository.",
    )
    patch: str | None = Field(
        "",
        description="The differences from the commit in these two directories, as a patch for `git apply`; "
        "empty if there are none, null if it was left out.",
    )
    left_out: str = Field("", description="Why the patch was left out.")


class RunStarted(Value):
    """The first event: the command line, the settings, the versions and the tasks."""

    kind: Literal["run_started"] = "run_started"
    time_s: TimeS = 0.0
    event_schema: Literal[2] = 2
    argv: tuple[str, ...] = Field((), description="The command line.")
    started_at: str = Field(
        "",
        description="Wall-clock time, ISO 8601 with its offset; all other times are relative to it.",
    )
    settings: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="The settings of the run, without secrets: a log can be attached to a bug report.",
    )
    versions: dict[str, str] = Field(
        default_factory=dict, description="Versions of the programs that are used, by name."
    )
    base: str = Field("", description="The kind of base: `registry` or `bootstrap`.")
    engine: str = Field("", description="The engine that builds; empty if nothing is built.")
    checkout: Checkout | None = Field(None, description="The git revision; null outside of git.")
    tasks: tuple[PlannedTask, ...] = Field((), description="All tasks, in the order of the plan.")
    capacity: int = Field(1, description="How many tasks may run at once.")


class TaskStarted(Value):
    """A task began."""

    kind: Literal["task_started"] = "task_started"
    time_s: TimeS = 0.0
    task: TaskId
    log: str | None = Field(None, description="The file for its full output.")


class Step(Value):
    """A running task started a step."""

    kind: Literal["step"] = "step"
    time_s: TimeS = 0.0
    task: TaskId
    text: str = Field(description="The step, for people to read.")


class Note(Value):
    """Information that changes nothing."""

    kind: Literal["note"] = "note"
    time_s: TimeS = 0.0
    text: str = Field(description="A sentence for people to read.")
    task: str | None = Field(None, description="The task that it is about, if any.")


class Warned(Value):
    """Something failed and the run continues; the report repeats it."""

    kind: Literal["warning"] = "warning"
    time_s: TimeS = 0.0
    text: str = Field(description="A sentence for people to read.")
    task: str | None = Field(None, description="The task that it is about, if any.")


class Checked(Value):
    """An image was checked."""

    kind: Literal["checked"] = "checked"
    time_s: TimeS = 0.0
    task: TaskId
    checks: tuple[Check, ...] = Field(description="All of its checks, in the order of the ladder.")


class TaskEnded(Value):
    """A task ended, or will never start."""

    kind: Literal["task_ended"] = "task_ended"
    time_s: TimeS = 0.0
    task: TaskId
    outcome: Outcome = Field(description="How it ended.")
    seconds: float = Field(0.0, description="How long it ran.")
    details: Details = Field(Details(), description="Its result if it succeeded.")
    failure: Failure | None = Field(None, description="Why it failed.")
    blocked_by: tuple[str, ...] = Field((), description="The failed tasks that it waited for.")


class DiskUsed(Value):
    """The disk use of a run, sampled every second. Other programs on the same disks are included."""

    kind: Literal["disk_used"] = "disk_used"
    time_s: TimeS = 0.0
    peak_bytes: int = Field(
        description="The maximum in use beyond the start, on all file systems with the store, temporary "
        "files and state. A file system with less in use than at the start counts as 0."
    )
    lowest_free_bytes: int = Field(description="The minimum that was free on one of them.")
    paths: tuple[str, ...] = Field((), description="The first folder on each of them.")


class RunEnded(Value):
    """The last event. A log without it is of a run that was killed or is still going on."""

    kind: Literal["run_ended"] = "run_ended"
    time_s: TimeS = 0.0
    exit_code: int = Field(description="The exit code of the command.")
    interrupted: bool = Field(False, description="Whether Ctrl-C or a signal ended it.")


Event = RunStarted | TaskStarted | Step | Note | Warned | Checked | TaskEnded | DiskUsed | RunEnded

EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def event_line(event: Event) -> str:
    """Return `event` as one line of JSON in ASCII, with its newline."""
    return event.model_dump_json(ensure_ascii=True) + "\n"


def event_of(line: str) -> Event:
    """Return the event in `line`.

    Raises:
        ValueError: it is not JSON, or not an event of this schema.
    """
    return EVENT.validate_json(line)


class EventSink(Protocol):
    """Where events go."""

    def emit(self, event: Event) -> None:
        """Set the time of `event` and write it to the log."""
