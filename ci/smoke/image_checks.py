"""Checking one image: do the rungs of its ladder that the ledger has not recorded, and report the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ci.catalog.stack import ImageVariant, Stack
from ci.engines.engine import Engine, File, ImageInfo, Output, SandboxedProgram
from ci.engines.machine import gpu_class
from ci.engines.process.command import ProcessResult
from ci.names.digest import whole_digest
from ci.plan.plan import PlannedImage
from ci.report.check import Check, Rung, Status
from ci.report.events import Checked, Event, Note, Step
from ci.smoke.check_options import CheckOptions
from ci.smoke.hints import with_hints
from ci.smoke.ladder import (
    ALWAYS,
    all_passed,
    blocking_check,
    failed_rungs,
    from_ledger,
    in_order,
    needs_gpu,
    passed,
    rungs_of,
    to_do,
)
from ci.smoke.ledger_entry import Entry, Subject
from ci.smoke.parent_files import ParentFiles, config_as_user
from ci.smoke.probe_program import ProbeProgram, present_suite, probe_program
from ci.smoke.results import closed_paths, parse_results, started_rung
from ci.smoke.size import budget_check, layer_check, within_budget
from ci.smoke.structure import structure_checks
from ci.steps.layout import ROOT

GPU = "gpu"
"""The name of the one check that is reported if no check of the GPU rung was tried."""
DEVICE = "gpu device"
"""The check whose metrics identify the GPU. ci/smoke/program/gpu_checks.py does it first."""
NOT_REQUESTED = "not requested; add --gpu"


class CheckLedger(Protocol):
    """Where results of checks are recorded. If it fails, checks are repeated and nothing else happens."""

    async def find(self, planned: PlannedImage, subject: Subject) -> Entry:
        """Return what is recorded about `subject`; an empty entry if there is nothing."""
        ...

    async def record(self, planned: PlannedImage, entry: Entry) -> None:
        """Record an entry. It replaces the one of the same subject."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tested:
    """One image under test, with the program that is mounted into it.

    `content` is the digest of its config, empty if it is not known: then nothing is recorded.
    """

    planned: PlannedImage
    id: str
    info: ImageInfo
    content: str
    program: ProbeProgram
    output: Output


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unrecorded:
    """What to record of an image once it was pushed; `content` is empty where it was not known before."""

    content: str
    suite: str
    rungs: dict[Rung, tuple[Check, ...]]
    complete: bool


@dataclass(slots=True, kw_only=True)
class ImageChecks:
    """The checks of one run.

    `directory` is the stack's, `scratch` is for temporary files. `uv` returns the uv binary for an image,
    None if there is none for it.
    """

    stack: Stack
    directory: Path
    scratch: Path
    uv: Callable[[ImageVariant], File | None]
    engine: Engine
    emit: Callable[[Event], None]
    options: CheckOptions = field(default_factory=CheckOptions)
    ledger: CheckLedger | None = None
    base: str = ""
    """The kind of base that root images have."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """The local name of what each image variant is based on, by `image:variant`."""
    passed: dict[str, str] = field(default_factory=dict)
    """The digest of the content of each image that passed its present checks, by `image:variant`.

    Now, or earlier as the ledger records; empty where it is not known before a push. The checks on a GPU
    are not counted.
    """
    _unrecorded: dict[str, _Unrecorded] = field(default_factory=dict)
    """By `image:variant`."""
    _facts: dict[str, str] = field(default_factory=dict)
    """Answers of the engine that do not change during a run: `machine`, `no gpu`."""
    _parent_files: ParentFiles = field(init=False)
    _no_gpu_noted: bool = False
    """Whether the note that there is no GPU was emitted. It is emitted once."""

    def __post_init__(self) -> None:
        self._parent_files = ParentFiles(engine=self.engine, base=self.base, names=self.parents)

    async def check(
        self,
        planned: PlannedImage,
        id_: str,
        info: ImageInfo,
        content: str,
        layers: tuple[tuple[str, int], ...],
        output: Output,
    ) -> tuple[Check, ...]:
        """Return the results of all checks of an image, run in a sandbox as the image's own user.

        `content` is the digest of its config, empty if it is not known: then nothing is recorded.
        """
        stack, image = self.stack, planned.image
        rungs = tuple(rung for rung in rungs_of(image) if rung is not Rung.gpu)
        with probe_program(
            stack,
            image,
            directory=self.directory,
            scratch=self.scratch,
            uv=self.uv(image),
            sandbox=self.engine.capabilities.sandbox,
        ) as program:
            tested = _Tested(
                planned=planned, id=id_, info=info, content=content, program=program, output=output
            )
            self.passed.pop(planned.id, None)
            entry = await self._entry(tested)
            recorded = entry.rungs if entry is not None else {}
            again = to_do(rungs, recorded)
            checks = [
                *structure_checks(stack, image, info.config),
                *await self._probe(tested, _without(again, Rung.contents), Rung.structure),
                budget_check(image, sum(size for _, size in layers)),
                layer_check(image, layers if info.has_layer_sizes else ()),
                *from_ledger({rung: recorded[rung] for rung in rungs if rung in recorded}, again),
            ]
            is_compared = True
            if Rung.contents in again:
                found, is_compared = await self._contents(tested)
                checks += found
            # without uv nothing checked what distributions require, without the parent not all files
            done = again if program.has_uv else _without(again, Rung.imports)
            done = done if is_compared else _without(done, Rung.contents)
            await self._record(tested, entry, checks, done, complete=all_passed(checks))
            if all_passed(checks):
                self.passed[planned.id] = content
            if needs_gpu(image):
                checks += await self._gpu(tested, checks)
        ordered = with_hints(image, in_order(checks))
        self.emit(Checked(task=planned.id, checks=ordered))
        return ordered

    async def _contents(self, tested: _Tested) -> tuple[tuple[Check, ...], bool]:
        """Return the checks of the contents, and whether they were compared with what is below the image.

        They run as root without rights, since the image's user may not read all files; once more as the owner
        of each path that root may not read either.
        """
        parents = self._parent_files
        listing = await parents.listing(tested.planned, tested.info, tested.program)
        if listing:
            tested.program.compare_with(listing)
        ended = await self._contents_as(tested, ROOT)
        checks = _results(ended, Rung.contents)
        for owner, paths in closed_paths(ended.output).items():
            again = await self._contents_as(tested, owner, paths)
            checks = _merged(checks, _results(again, Rung.contents))
        return checks, bool(listing) or parents.is_whole(tested.planned)

    async def _contents_as(self, tested: _Tested, user: str, only: tuple[str, ...] = ()) -> ProcessResult:
        config = config_as_user(tested.info.config, user)
        is_whole = self._parent_files.is_whole(tested.planned)
        program = tested.program.sandboxed((Rung.contents,), config, only=only, is_whole=is_whole)
        return await self._ended(tested, program)

    async def _gpu(self, tested: _Tested, below: list[Check]) -> tuple[Check, ...]:
        """Return the checks of the GPU rung: the device, and the others unless the ledger has them.

        `below` are the checks of the rungs below it.
        """
        if not (self.options.gpu or self.options.require_gpu):
            return (Check(name=GPU, rung=Rung.gpu, status=Status.skipped, detail=NOT_REQUESTED),)
        if blocker := blocking_check(Rung.gpu, below):
            return (Check(name=GPU, rung=Rung.gpu, status=Status.blocked, blocked_by=blocker),)
        reason = await self._fact("no gpu", partial(self.engine.gpu_error, tested.id))
        if reason:
            return self._without_gpu(reason)
        first = await self._probe(tested, (Rung.gpu,), Rung.gpu, gpu_first_only=True)
        device = next((check for check in first if check.name == DEVICE), None)
        if device is None or device.status is Status.failed:
            return first
        if device.status is not Status.passed:
            return self._without_gpu(device.detail)
        machine = gpu_class(
            await self._fact("machine", self.engine.machine_class),
            str(device.metrics.get("capability", "")),
            str(device.metrics.get("driver", "")),
        )
        entry = await self._entry(tested, machine)
        if entry is not None and Rung.gpu in entry.rungs:
            return (device, *(one for one in from_ledger(entry.rungs, ()) if one.name != DEVICE))
        checks = _same_device(await self._probe(tested, (Rung.gpu,), Rung.gpu))
        if entry is not None:
            await self._record(tested, entry, list(checks), (Rung.gpu,))
        return checks

    def _without_gpu(self, reason: str) -> tuple[Check, ...]:
        """Return the checks of a machine without a GPU: skipped, and a failure if a GPU is required."""
        if not self._no_gpu_noted:
            self._no_gpu_noted = True
            self.emit(Note(text=f"GPU checks are skipped: {reason}"))
        skipped = Check(name=GPU, rung=Rung.gpu, status=Status.skipped, detail=reason)
        if not self.options.require_gpu:
            return (skipped,)
        detail = f"--require-gpu is set, and no GPU can be used: {reason}"
        return (skipped, Check(name="gpu required", rung=Rung.gpu, status=Status.failed, detail=detail))

    async def _fact(self, name: str, ask: Callable[[], Any]) -> str:
        if name not in self._facts:
            self._facts[name] = await ask()
        return self._facts[name]

    async def recorded(
        self, planned: PlannedImage, content: str, layers: tuple[tuple[str, int], ...]
    ) -> bool:
        """Whether the ledger has it that an image of this content passed its present checks here.

        Without the ledger, and for a content that is not known, it is not. The budget is not part of the
        suite, so it is compared now.
        """
        if self.ledger is None or not self.options.ledger or not content:
            return False
        suite = present_suite(self.stack, planned.image, self.engine.capabilities.sandbox)
        entry = await self.ledger.find(planned, await self._subject(content, suite))
        if not entry.complete or not within_budget(planned.image, layers):
            return False
        self.passed[planned.id] = content
        self._unrecorded[planned.id] = _Unrecorded(
            content=content, suite=suite, rungs=entry.rungs, complete=entry.complete
        )
        return True

    async def record_pushed(self, planned: PlannedImage, content: str) -> None:
        """Record, now that an image was pushed, what it passed before: the registry did not have it then.

        Its content may have been unknown before the push.
        """
        found = self._unrecorded.pop(planned.id, None)
        if found is None or self.ledger is None:
            return
        if self.passed.get(planned.id) == "":
            self.passed[planned.id] = content
        if whole_digest(found.content or content) == whole_digest(content):
            subject = await self._subject(content, found.suite)
            await self.ledger.record(
                planned, Entry(subject=subject, rungs=found.rungs, complete=found.complete)
            )

    async def _entry(self, tested: _Tested, machine: str = "") -> Entry | None:
        """Return the ledger's entry of an image, None if there can be none.

        If the ledger is not to be used, it is empty, and later replaces the one that is there.
        """
        if self.ledger is None or not tested.content:
            return None
        subject = await self._subject(tested.content, tested.program.suite, machine)
        if not self.options.ledger:
            return Entry(subject=subject, rungs={})
        return await self.ledger.find(tested.planned, subject)

    async def _subject(self, content: str, suite: str, machine: str = "") -> Subject:
        machine = machine or await self._fact("machine", self.engine.machine_class)
        return Subject(image=whole_digest(content), suite=suite, machine=machine)

    async def _record(
        self,
        tested: _Tested,
        entry: Entry | None,
        checks: list[Check],
        done: tuple[Rung, ...],
        *,
        complete: bool = False,
    ) -> None:
        """Record the rungs that were `done` and passed, and remove those that failed.

        Without an `entry`, since the content is not known, that is done once it is.
        """
        new = {rung: found for rung, found in passed(checks).items() if rung in done and rung not in ALWAYS}
        if entry is None:
            self._unrecorded[tested.planned.id] = _Unrecorded(
                content="", suite=tested.program.suite, rungs=new, complete=complete
            )
            return
        assert self.ledger is not None
        after = entry.without(failed_rungs(checks)).added(new, complete=complete)
        if after != entry or not self.options.ledger:
            await self.ledger.record(tested.planned, after)

    async def _probe(
        self, tested: _Tested, rungs: tuple[Rung, ...], first: Rung, *, gpu_first_only: bool = False
    ) -> tuple[Check, ...]:
        """Run the probe, report each rung that it reaches, and return its checks.

        `first` is the rung of a probe that could not be started.
        """
        program = tested.program.sandboxed(rungs, tested.info.config, gpu_first_only=gpu_first_only)
        return _results(await self._ended(tested, program), first)

    async def _ended(self, tested: _Tested, program: SandboxedProgram) -> ProcessResult:
        """Run a probe and report each rung that it reaches."""
        shown = ""

        def show_rung(line: str) -> None:
            nonlocal shown
            rung = started_rung(line)
            if rung and rung != shown:
                shown = rung
                self.emit(Step(task=tested.planned.id, text=f"checks: {rung}"))

        return await self.engine.run_sandboxed(tested.id, program, replace(tested.output, on_line=show_rung))


def _results(ended: ProcessResult, first: Rung) -> tuple[Check, ...]:
    return parse_results(
        ended.output, ended.status, reason=ended.termination_reason, tail=ended.tail, rung=first
    )


def _without(rungs: tuple[Rung, ...], rung: Rung) -> tuple[Rung, ...]:
    return tuple(one for one in rungs if one is not rung)


def _merged(checks: tuple[Check, ...], more: tuple[Check, ...]) -> tuple[Check, ...]:
    """Return `checks` with the failures of `more`, which checked a part of the same again."""
    by_name = {check.name: check for check in checks}
    for check in more:
        before = by_name.setdefault(check.name, check)
        if check.status is Status.failed and check is not before:
            known = before.detail if before.status is Status.failed else ""
            new = [line for line in check.detail.splitlines() if line not in known.splitlines()]
            detail = "\n".join([*([known] if known else []), *new])
            by_name[check.name] = check.model_copy(update={"detail": detail})
    return tuple(by_name.values())


def _same_device(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Return the checks of a device that was found a moment before: it has failed if it is missing now."""
    missing = next((one for one in checks if one.name == DEVICE and one.status is Status.skipped), None)
    if missing is None:
        return checks
    detail = f"the device was found a moment before and is missing now: {missing.detail}"
    failed = missing.model_copy(update={"status": Status.failed, "detail": detail})
    blocked = {"status": Status.blocked, "detail": "", "blocked_by": DEVICE}
    return tuple(
        failed if one is missing else one.model_copy(update=blocked) if one.status is Status.skipped else one
        for one in checks
    )
