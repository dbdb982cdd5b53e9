"""The report of a run, made from its events alone; `report.json` is its JSON. Pure."""

from collections.abc import Sequence
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from ci.report.check import Check
from ci.report.events import (
    Checked,
    Checkout,
    Details,
    DiskUsed,
    Event,
    Note,
    RunEnded,
    RunStarted,
    Step,
    TaskEnded,
    TaskId,
    TaskStarted,
    Warned,
)
from ci.report.outcome import Outcome
from ci.report.value import Value


class TaskRow(Value):
    """How one task ended."""

    task: TaskId
    action: Outcome = Field(description="How it ended.")
    blocked_by: tuple[str, ...] = Field((), description="For `blocked`: the failed tasks.")
    seconds: float | None = Field(None, description="How long it ran; null if it did not finish.")
    reason: str | None = Field(None, description="Why it was built or reused.")
    log: str | None = Field(None, description="The file with its full output.")
    metrics: dict[str, int | float | str] = Field(
        default_factory=dict,
        description='Further numbers or texts of the task, by name ("wheels": 31).',
    )


class ImageRow(TaskRow):
    """How the build of one image variant ended."""

    image: str = Field(description="The image.")
    variant: str = Field(description="Its variant, `cpu` or `cuda`.")
    unpacked_bytes: int | None = Field(
        None, description="Size of its file system in bytes; null if it was not measured."
    )
    unique_bytes: int | None = Field(
        None,
        description="The part of it in layers that no other image has; null if it was not measured.",
    )
    user_s: float | None = Field(
        None,
        description="Processor seconds in user mode that its steps took; null if nothing was built, or "
        "the engine does not report it.",
    )
    key: str | None = Field(None, description="Its key.")
    reference: str | None = Field(None, description="Its name in the store.")
    digest: str | None = Field(None, description="The digest of its config.")
    checks: tuple[Check, ...] = Field(
        (), description="The checks that this run did or found recorded; empty if there was no need."
    )


class FailureRow(Value):
    """Why a task failed."""

    task: TaskId
    message: str = Field(description="The whole message of the error.")
    error: str | None = Field(None, description="The name of a class of ci/errors.py.")
    last_lines: tuple[str, ...] = Field((), description="The last lines of the output of the failed step.")
    log: str | None = Field(None, description="The file of the task's full output.")
    exit_code: int | None = Field(
        None,
        description="Exit code of its kind: 6 a step, 7 a check of the image; see docs/troubleshooting.md.",
    )
    traceback: str | None = Field(
        None, description="Set if the error is not one of dockwright's own, which is a bug in dockwright."
    )


class DiskRow(Value):
    """The disk use of a run on its file systems, compared to its start. Other programs are included."""

    peak_bytes: int = Field(description="The maximum in use beyond the start.")
    lowest_free_bytes: int = Field(description="The minimum that was free.")
    paths: tuple[str, ...] = Field((), description="The first folder on each file system.")


class Report(Value):
    """What a run did; `report.json` is this as JSON.

    Its schema is 2. A new key does not change that number and has a default for older reports; readers ignore
    unknown keys. A change that an older reader would misread raises the number.
    """

    # Stricter than other readers have to be: an unknown key comes from a later dockwright, and to build again
    # only the known part of a report would be a guess.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    report_schema: Literal[2] = Field(
        default=2, alias="schema", description="Raised if an older reader would misread the report."
    )
    argv: tuple[str, ...] = Field((), description="The command line.")
    started_at: str = Field("", description="When, ISO 8601 with its offset.")
    settings: dict[str, JsonValue] = Field(
        default_factory=dict, description="The settings of the run, without secrets."
    )
    versions: dict[str, str] = Field(
        default_factory=dict, description="Versions of the programs that were used, by name."
    )
    base: str = Field("", description="The kind of base: `registry` or `bootstrap`.")
    engine: str = Field("", description="The engine that built; empty if nothing was built.")
    checkout: Checkout | None = Field(
        None, description="The git revision and the differences from it; null outside of git."
    )
    complete: bool = Field(
        False,
        description="Whether the log is complete; false for a run that was killed or is still going on.",
    )
    exit_code: int | None = Field(
        None,
        description="0 only if all requested images exist; 130 if interrupted; null if not complete.",
    )
    interrupted: bool = Field(False, description="Whether Ctrl-C or a signal ended it.")
    seconds: float = Field(0.0, description="How long it took, up to the last event.")
    images: tuple[ImageRow, ...] = Field((), description="Each image variant, in the order of the plan.")
    others: tuple[TaskRow, ...] = Field(
        (), description="All other tasks: wheelhouse, debhouse, bootstrap base."
    )
    failures: tuple[FailureRow, ...] = Field(
        (), description="Each failed task, in the order in which they failed."
    )
    warnings: tuple[str, ...] = Field((), description="Each `[task: ]text`.")
    disk: DiskRow | None = Field(None, description="Its disk use; null if nothing had to be built.")

    def as_json(self) -> str:
        """Return the text of `report.json`."""
        return self.model_dump_json(indent=2, by_alias=True) + "\n"


def report_of(events: Sequence[Event]) -> Report:
    """Return the report of a run from its `events`; they may be incomplete."""
    started = RunStarted()
    ended: RunEnded | None = None
    begun: dict[str, TaskStarted] = {}
    ends: dict[str, TaskEnded] = {}
    checked: dict[str, tuple[Check, ...]] = {}
    warnings: list[str] = []
    disk: DiskRow | None = None
    for event in events:
        match event:
            case RunStarted():
                started = event
            case TaskStarted():
                begun[event.task] = event
            case Checked(task=task, checks=checks):
                checked[task] = checks
            case TaskEnded():
                ends[event.task] = event
            case Warned():
                warnings.append(f"{event.task}: {event.text}" if event.task else event.text)
            case DiskUsed(peak_bytes=peak, lowest_free_bytes=lowest, paths=paths):
                disk = DiskRow(peak_bytes=peak, lowest_free_bytes=lowest, paths=paths)
            case RunEnded():
                ended = event
            case Step() | Note():
                pass
    images: list[ImageRow] = []
    others: list[TaskRow] = []
    for planned in started.tasks:
        row = _row(planned.id, begun.get(planned.id), ends.get(planned.id))
        if planned.image is None:
            others.append(row)
            continue
        details = ends[planned.id].details if planned.id in ends else Details()
        images.append(
            ImageRow(
                **dict(row),
                image=planned.image,
                variant=planned.variant or "",
                unpacked_bytes=details.unpacked_bytes,
                unique_bytes=details.unique_bytes,
                user_s=details.user_s,
                key=details.key or planned.key,
                reference=details.reference,
                digest=details.digest,
                checks=checked.get(planned.id, ()),
            )
        )
    return Report(
        argv=started.argv,
        started_at=started.started_at,
        settings=started.settings,
        versions=started.versions,
        base=started.base,
        engine=started.engine,
        checkout=started.checkout,
        complete=ended is not None,
        exit_code=ended.exit_code if ended is not None else None,
        interrupted=ended is not None and ended.interrupted,
        seconds=events[-1].time_s if events else 0.0,
        images=tuple(images),
        others=tuple(others),
        failures=tuple(_failures(ends)),
        warnings=tuple(warnings),
        disk=disk,
    )


def _row(task: str, begun: TaskStarted | None, end: TaskEnded | None) -> TaskRow:
    log = begun.log if begun is not None else None
    if end is None:
        action = Outcome.planned if begun is None else Outcome.unfinished
        return TaskRow(task=task, action=action, log=log)
    return TaskRow(
        task=task,
        action=end.outcome,
        blocked_by=end.blocked_by,
        seconds=end.seconds if begun is not None else None,
        reason=end.details.reason,
        log=log,
        metrics=end.details.metrics,
    )


def _failures(ends: dict[str, TaskEnded]) -> list[FailureRow]:
    return [
        FailureRow(
            task=end.task,
            message=end.failure.message,
            error=end.failure.error,
            last_lines=end.failure.last_lines,
            log=end.failure.log,
            exit_code=end.failure.exit_code,
            traceback=end.failure.traceback,
        )
        for end in ends.values()
        if end.failure is not None
    ]
