"""The report of a run, made of its events alone; `report.json` is it as JSON."""

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
    blocked_by: tuple[str, ...] = Field((), description="The failed tasks behind `blocked`.")
    seconds: float | None = Field(None, description="How long it ran; null where nothing ran to its end.")
    reason: str | None = Field(None, description="Why it was built or reused.")
    log: str | None = Field(None, description="The file of its full output.")
    figures: dict[str, int | float | str] = Field(
        default_factory=dict,
        description='Further numbers or words of the task\'s own, by name ("wheels": 31).',
    )


class ImageRow(TaskRow):
    """How the build of one image variant ended."""

    image: str = Field(description="The image.")
    variant: str = Field(description="Its variant, `cpu` or `cuda`.")
    unpacked_bytes: int | None = Field(
        None, description="Size of its file system; null where it was not measured."
    )
    unique_bytes: int | None = Field(
        None,
        description="The part of it in layers that no other image shares; null where it was not measured.",
    )
    user_s: float | None = Field(
        None,
        description="Seconds of the processor in user mode that its steps took; null where nothing "
        "was built, or the engine doesn't tell.",
    )
    key: str | None = Field(None, description="Its fingerprint.")
    reference: str | None = Field(None, description="Its name in the store.")
    digest: str | None = Field(None, description="The digest of its config.")
    checks: tuple[Check, ...] = Field(
        (), description="Those that this run did or found recorded, empty where it had no reason to."
    )


class FailureRow(Value):
    """Why a task failed."""

    task: TaskId
    message: str = Field(description="The whole message of the error.")
    error: str | None = Field(None, description="The name of a class of ci/errors.py.")
    last_lines: tuple[str, ...] = Field((), description="The last lines of what the failed step wrote.")
    log: str | None = Field(None, description="The file of the task's full output.")
    exit_code: int | None = Field(
        None,
        description="Exit code of its kind: 6 a step, 7 a check of the image; see docs/troubleshooting.md.",
    )
    traceback: str | None = Field(
        None, description="There when the error is none of dockwright's own, which is a bug in dockwright."
    )


class DiskRow(Value):
    """The room that a run took: the difference of what was in use on its file systems, its own or not."""

    peak_bytes: int = Field(description="The most beyond the start.")
    lowest_free_bytes: int = Field(description="The least that was free.")
    paths: tuple[str, ...] = Field((), description="The first place on each file system.")


class Report(Value):
    """What a run did; `report.json` is this as JSON.

    Its schema is 1. A new key leaves it 1, and has a default for what an older report lacks: a reader passes
    over a key that it does not know. A change that a reader of version 1 would misread makes it 2.
    """

    # Stricter than what is asked of others: a key that is unknown here is of a later dockwright, and to build
    # again only what this one understands of a report would be a guess.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    report_schema: Literal[1] = Field(
        default=1, alias="schema", description="Grows when an older reader would misread the report."
    )
    argv: tuple[str, ...] = Field((), description="The command line.")
    started_at: str = Field("", description="When, ISO 8601 with its offset.")
    settings: dict[str, JsonValue] = Field(
        default_factory=dict, description="The settings of the run, no secret among them."
    )
    versions: dict[str, str] = Field(
        default_factory=dict, description="Versions of the programs that had a part in it, by name."
    )
    base: str = Field("", description="The kind of base that was built on: `registry` or `bootstrap`.")
    engine: str = Field("", description="What built; empty: nothing did.")
    checkout: Checkout | None = Field(
        None, description="The git revision and what differed from it; null outside of git."
    )
    complete: bool = Field(
        False,
        description="Whether the log has its end; false for a run that was killed or is still going on.",
    )
    exit_code: int | None = Field(
        None,
        description="0 only if all that was asked for exists; 130 interrupted; null when not complete.",
    )
    interrupted: bool = Field(False, description="Whether it was ended by Ctrl-C or a signal.")
    seconds: float = Field(0.0, description="How long it took, up to the last event.")
    images: tuple[ImageRow, ...] = Field((), description="Each image variant, in the order of the plan.")
    others: tuple[TaskRow, ...] = Field(
        (), description="Everything else that ran: wheelhouse, debhouse, bootstrap base."
    )
    failures: tuple[FailureRow, ...] = Field(
        (), description="Each failed task, in the order in which they failed."
    )
    warnings: tuple[str, ...] = Field((), description="Each `[task: ]text`.")
    disk: DiskRow | None = Field(None, description="The room it took; null where nothing was to be built.")

    def as_json(self) -> str:
        """Return the text of `report.json`."""
        return self.model_dump_json(indent=2, by_alias=True) + "\n"


def report_of(events: Sequence[Event]) -> Report:
    """Return the report of the run that `events` tell of; they may end anywhere."""
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
        figures=end.details.figures,
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
