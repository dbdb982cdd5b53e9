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
    TaskStarted,
    Warned,
)
from ci.report.outcome import Outcome
from ci.report.value import Value


class TaskRow(Value):
    """How one task ended. `action` is an `Outcome`; `blocked_by` names the failed tasks behind `blocked`.

    `seconds` is none where nothing ran to its end. `log` is the file of its full output.
    """

    task: str
    action: Outcome
    blocked_by: tuple[str, ...] = ()
    seconds: float | None = None
    reason: str | None = None
    log: str | None = None
    figures: dict[str, int | float | str] = Field(default_factory=dict)


class ImageRow(TaskRow):
    """How the build of one image variant ended.

    `unpacked_bytes` is the size of its file system, `unique_bytes` the part in layers that no other image
    shares; both are none where they were not measured. `key` is its fingerprint. `checks` are those that
    this run did or found recorded, none where it had no reason to.
    """

    image: str
    variant: str
    unpacked_bytes: int | None = None
    unique_bytes: int | None = None
    key: str | None = None
    reference: str | None = None
    digest: str | None = None
    checks: tuple[Check, ...] = ()


class FailureRow(Value):
    """Why a task failed: the whole message, the last lines of the failed step, where its full log is.

    `exit_code` is that of its kind: 6 a step, 7 a check of the built image, see `docs/commands.md`.
    `error` is the name of a class of ci/errors.py.
    """

    task: str
    message: str
    error: str | None = None
    last_lines: tuple[str, ...] = ()
    log: str | None = None
    exit_code: int | None = None
    traceback: str | None = None


class DiskRow(Value):
    """The room that a run took: the difference of what was in use on its file systems, its own or not.

    `peak_bytes` is the most beyond the start, `lowest_free_bytes` the least that was free; `paths` are the
    first place on each file system.
    """

    peak_bytes: int
    lowest_free_bytes: int
    paths: tuple[str, ...] = ()


class Report(Value):
    """What a run did; `report.json` is this as JSON.

    Its keys, schema 1:

    - `schema`: 1; a change that a reader of version 1 would misread makes it 2.
    - `argv`, `started_at` (ISO 8601), `settings`, `versions`: what was asked for, when, under what.
    - `base`, `engine`: the kind of base that was built on, and what built (empty: nothing did).
    - `checkout`: a `Checkout`, the git revision and its patch; null outside of git.
    - `complete`: whether the log has its end; false for a run that was killed or is still going on.
    - `exit_code`: 0 only if all that was asked for exists; 130 interrupted; null when not complete.
    - `interrupted`, `seconds` (up to the last event).
    - `images`: an `ImageRow` per image variant, in the order of the plan.
    - `others`: a `TaskRow` for everything else that ran (wheelhouse, debhouse, bootstrap).
    - `failures`: a `FailureRow` per failed task, in the order in which they failed.
    - `warnings`: each `[task: ]text`.
    - `disk`: a `DiskRow`; null where nothing was to be built.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    report_schema: Literal[1] = Field(default=1, alias="schema")
    argv: tuple[str, ...] = ()
    started_at: str = ""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    base: str = ""
    engine: str = ""
    checkout: Checkout | None = None
    complete: bool = False
    exit_code: int | None = None
    interrupted: bool = False
    seconds: float = 0.0
    images: tuple[ImageRow, ...] = ()
    others: tuple[TaskRow, ...] = ()
    failures: tuple[FailureRow, ...] = ()
    warnings: tuple[str, ...] = ()
    disk: DiskRow | None = None

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
