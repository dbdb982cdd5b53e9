"""The events of a run, one frozen type per kind; a run's log is one of them per line, as JSON.

`time_s` is the number of seconds since the log was opened. It is stamped by the log that an event is
emitted to, so nobody else needs a clock.
"""

from typing import Annotated, Literal, Protocol

from pydantic import Field, JsonValue, TypeAdapter

from ci.report.check import Check
from ci.report.outcome import Outcome
from ci.report.value import Value

TimeS = Annotated[float, Field(description="Seconds since the log was opened.")]
TaskId = Annotated[str, Field(description="The task, by its name in the plan.")]


class PlannedTask(Value):
    """One task as the plan has it; `image`, `variant` and `key` are given for the build of an image only."""

    id: TaskId
    needs: tuple[str, ...] = Field((), description="The tasks that have to end well before it.")
    image: str | None = Field(None, description="The image that it builds.")
    variant: str | None = Field(None, description="The variant of that image.")
    key: str | None = Field(None, description="The planned key of that image.")
    expected_s: float = Field(0.0, description="How many seconds it is expected to take.")


class Details(Value):
    """What is known of a task that ended well."""

    key: str | None = Field(None, description="The image's key.")
    reference: str | None = Field(None, description="The image's name in the store.")
    digest: str | None = Field(None, description="The digest of the image's config.")
    reason: str | None = Field(None, description="Why it was built or reused.")
    unpacked_bytes: int | None = Field(None, description="Size of the image's file system.")
    unique_bytes: int | None = Field(None, description="Size of the layers that no other image shares.")
    user_s: float | None = Field(None, description="Seconds in user mode that building the image took.")
    figures: dict[str, int | float | str] = Field(
        default_factory=dict,
        description='Further numbers or words of the task\'s own, by name ("wheels": 31).',
    )


class Failure(Value):
    """Why a task failed."""

    message: str = Field(description="The whole message of the error.")
    error: str | None = Field(None, description="The class of the error, one of ci/errors.py.")
    last_lines: tuple[str, ...] = Field((), description="The last lines of what the failed step wrote.")
    log: str | None = Field(None, description="The file of the task's full output.")
    exit_code: int | None = Field(None, description="That of the error's kind.")
    traceback: str | None = Field(
        None, description="There when the error is none of dockwright's own, which is a bug in dockwright."
    )


class Checkout(Value):
    """The git checkout that a run built from, so that it can be had again."""

    commit: str = Field(pattern="^([0-9a-f]{40}|[0-9a-f]{64})$", description="A full object name.")
    stack: str = Field(".", description="The stack's directory in the repository, POSIX; `.` for the top.")
    code: str | None = Field(
        None,
        description="The directory of the dockwright that ran, likewise; null where that lay elsewhere.",
    )
    patch: str | None = Field(
        "",
        description="What differed from the commit below these two, as `git apply` takes it, empty where "
        "nothing did; null where it was left out.",
    )
    left_out: str = Field("", description="Why the patch was left out.")


class RunStarted(Value):
    """The first event: what was typed, under which settings and versions, and what is going to be done."""

    kind: Literal["run_started"] = "run_started"
    time_s: TimeS = 0.0
    event_schema: Literal[1] = 1
    argv: tuple[str, ...] = Field((), description="The command line.")
    started_at: str = Field(
        "",
        description="Wall-clock time, ISO 8601 with its offset; all other times are relative to it.",
    )
    settings: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="The settings of the run, no secret among them: a log is made to be attached to a bug "
        "report.",
    )
    versions: dict[str, str] = Field(
        default_factory=dict, description="Versions of the programs that have a part in it, by name."
    )
    base: str = Field("", description="The kind of base that is built on: `registry` or `bootstrap`.")
    engine: str = Field("", description="What builds; empty: nothing does.")
    checkout: Checkout | None = Field(None, description="The git revision; null outside of git.")
    tasks: tuple[PlannedTask, ...] = Field((), description="All tasks, in the order of the plan.")
    capacity: int = Field(1, description="How many tasks may run at once.")


class TaskStarted(Value):
    """A task began."""

    kind: Literal["task_started"] = "task_started"
    time_s: TimeS = 0.0
    task: TaskId
    log: str | None = Field(None, description="The file that its full output goes to.")


class Step(Value):
    """A running task reached a step."""

    kind: Literal["step"] = "step"
    time_s: TimeS = 0.0
    task: TaskId
    text: str = Field(description="The step, for a person.")


class Note(Value):
    """Something worth knowing; it changes nothing."""

    kind: Literal["note"] = "note"
    time_s: TimeS = 0.0
    text: str = Field(description="A sentence for a person.")
    task: str | None = Field(None, description="The task that it is about, if it is about one.")


class Warned(Value):
    """Something went wrong and the run goes on without it; the report repeats it."""

    kind: Literal["warning"] = "warning"
    time_s: TimeS = 0.0
    text: str = Field(description="A sentence for a person.")
    task: str | None = Field(None, description="The task that it is about, if it is about one.")


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
    details: Details = Field(Details(), description="What is known of it when it ended well.")
    failure: Failure | None = Field(None, description="Why it failed.")
    blocked_by: tuple[str, ...] = Field((), description="The failed tasks that it waited for.")


class DiskUsed(Value):
    """What a run did to its disks, seen every few seconds: of all that happened there, by whomever."""

    kind: Literal["disk_used"] = "disk_used"
    time_s: TimeS = 0.0
    peak_bytes: int = Field(
        description="The most that was in use beyond what was at the start, on all file systems that hold "
        "the store, temporary files and state."
    )
    lowest_free_bytes: int = Field(description="The least that was free on one of them.")
    paths: tuple[str, ...] = Field((), description="The first place on each of them.")


class RunEnded(Value):
    """The last event. A log without it belongs to a run that was killed or is still going on."""

    kind: Literal["run_ended"] = "run_ended"
    time_s: TimeS = 0.0
    exit_code: int = Field(description="That of the command.")
    interrupted: bool = Field(False, description="Whether it was ended by Ctrl-C or a signal.")


Event = RunStarted | TaskStarted | Step | Note | Warned | Checked | TaskEnded | DiskUsed | RunEnded

EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def event_line(event: Event) -> str:
    """Return `event` as one line of JSON, its newline included; it is plain ASCII."""
    return event.model_dump_json(ensure_ascii=True) + "\n"


def event_of(line: str) -> Event:
    """Return the event that `line` holds.

    Raises:
        ValueError: it is no JSON, or no event of this schema.
    """
    return EVENT.validate_json(line)


class EventSink(Protocol):
    """Where events go."""

    def emit(self, event: Event) -> None:
        """Stamp `event` with the time and write it down."""
