"""Checking one image: the rungs of its ladder, done where the ledger has not got them, told as one event."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from ci.catalog.files import SMOKE
from ci.catalog.stack import ImageVariant, Stack
from ci.engines.engine import Engine, File, Folder, ImageInfo, Output, SandboxedProgram
from ci.engines.machine import gpu_class
from ci.engines.process.command import ProcessResult
from ci.names.digest import Digest, bare_digest
from ci.plan.plan import PlannedImage
from ci.report.check import Check, Rung, Status
from ci.report.events import Checked, Event, Note
from ci.smoke.check_options import CheckOptions
from ci.smoke.ladder import (
    ALWAYS,
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
from ci.smoke.probe_request import INPUTS, PROBE, PROBE_LIMIT_S, smoke_request, suite_digest
from ci.smoke.results import parse_results
from ci.smoke.size import budget_check, layer_check
from ci.smoke.structure import structure_checks
from ci.steps.layout import VENV

PYTHON = f"{VENV}/bin/python"
REQUEST = "request.json"
GPU = "gpu"
"""Name of what stands for the whole rung where none of it was tried."""
DEVICE = "gpu device"
"""The check whose figures say which GPU it is; ci/smoke/program/gpu_checks.py does it first."""
AROUND = (
    "engines/sandbox.py",
    "engines/dagger/engine.py",
    "engines/docker.py",
    "engines/gpu.py",
    "engines/program/sandbox.py",
    "smoke/ladder.py",
    "smoke/results.py",
)
"""Code that closes a check in, or reads what it said: its result depends on that too."""
NOT_ASKED = "was not asked for; --gpu does it"


class CheckLedger(Protocol):
    """Where results of checks are recorded; what goes wrong there costs a repetition, nothing else."""

    async def find(self, planned: PlannedImage, subject: Subject) -> Entry:
        """Return what is recorded of `subject`; an empty entry where nothing is."""
        ...

    async def record(self, planned: PlannedImage, entry: Entry) -> None:
        """Record an entry in place of the one of its subject."""
        ...


@dataclass(slots=True, kw_only=True)
class ImageChecks:
    """The checks of one run.

    `directory` is the stack's, `scratch` for temporary files; `uv` returns uv for an image, None where there
    is none.
    """

    stack: Stack
    directory: Path
    scratch: Path
    uv: Callable[[ImageVariant], File | None]
    engine: Engine
    emit: Callable[[Event], None]
    options: CheckOptions = field(default_factory=CheckOptions)
    ledger: CheckLedger | None = None
    _known: dict[str, str] = field(default_factory=dict)
    """What does not change during a run, once it was asked for: `machine`, `no gpu`."""
    _told: list[str] = field(default_factory=list)
    """Why there is no GPU, which is said once."""

    async def check(
        self,
        planned: PlannedImage,
        id_: str,
        info: ImageInfo,
        content: str,
        layers: tuple[tuple[str, int], ...],
        output: Output,
    ) -> tuple[Check, ...]:
        """Return the results of all checks of an image, run as its own user, closed in.

        `content` is the digest of its config, empty where nobody knows it: then nothing is recorded.
        """
        stack, image = self.stack, planned.image
        rungs = tuple(rung for rung in rungs_of(image) if rung is not Rung.gpu)
        with self._program(planned) as program:
            entry = await self._entry(planned, content, program.digest)
            recorded = entry.rungs if entry is not None else {}
            again = to_do(rungs, recorded)
            ended = await self._run(id_, info, program, again, output)
            checks = [
                *structure_checks(stack, image, info.config),
                *_results(ended),
                budget_check(image, sum(size for _, size in layers)),
                layer_check(image, layers if info.tells_layers else ()),
                *from_ledger({rung: recorded[rung] for rung in rungs if rung in recorded}, again),
            ]
            if entry is not None:
                # without uv nobody has looked at what distributions ask for
                complete = again if program.has_uv else tuple(set(again) - {Rung.imports})
                await self._record(planned, entry, checks, complete)
            await self._withdraw(planned, content, program.digest, checks)
            if needs_gpu(image):
                checks += await self._gpu(planned, id_, info, content, program, checks, output)
        found = in_order(checks)
        self.emit(Checked(task=planned.id, checks=found))
        return found

    async def _gpu(
        self,
        planned: PlannedImage,
        id_: str,
        info: ImageInfo,
        content: str,
        program: _Program,
        below: list[Check],
        output: Output,
    ) -> tuple[Check, ...]:
        """Return the checks of the highest rung: the device, and the others unless the ledger has them."""
        blocked = blocking_check(Rung.gpu, below)
        if not (self.options.gpu or self.options.require_gpu):
            return (Check(name=GPU, rung=Rung.gpu, status=Status.skipped, detail=NOT_ASKED),)
        if blocked:
            return (Check(name=GPU, rung=Rung.gpu, status=Status.blocked, detail=f"by {blocked!r}"),)
        why = await self._fact("no gpu", partial(self.engine.no_gpu, id_))
        if why:
            return self._without_gpu(why)
        ended = await self._run(id_, info, program, (Rung.gpu,), output, gpu_first_only=True)
        first = _results(ended, Rung.gpu)
        device = next((check for check in first if check.name == DEVICE), None)
        if device is None or device.status is Status.failed:
            return first
        if device.status is not Status.passed:
            return self._without_gpu(device.detail)
        machine = gpu_class(
            await self._fact("machine", self.engine.machine),
            str(device.figures.get("capability", "")),
            str(device.figures.get("driver", "")),
        )
        entry = await self._entry(planned, content, program.digest, machine)
        if entry is not None and Rung.gpu in entry.rungs:
            return (device, *(one for one in from_ledger(entry.rungs, ()) if one.name != DEVICE))
        ended = await self._run(id_, info, program, (Rung.gpu,), output)
        checks = _there(_results(ended, Rung.gpu))
        if entry is not None:
            await self._record(planned, entry, list(checks), (Rung.gpu,))
        await self._withdraw(planned, content, program.digest, list(checks), machine)
        return checks

    def _without_gpu(self, why: str) -> tuple[Check, ...]:
        """Return what a machine without a GPU comes to: skipped, beside a failure where one was required."""
        if not self._told:
            self._told.append(why)
            self.emit(Note(text=f"nothing is computed on a GPU, that rung is skipped: {why}"))
        skipped = Check(name=GPU, rung=Rung.gpu, status=Status.skipped, detail=why)
        if not self.options.require_gpu:
            return (skipped,)
        detail = f"--require-gpu: there is none to compute on: {why}"
        return (skipped, Check(name="gpu required", rung=Rung.gpu, status=Status.failed, detail=detail))

    async def _fact(self, name: str, ask: Callable[[], Any]) -> str:
        if name not in self._known:
            self._known[name] = await ask()
        return self._known[name]

    async def _entry(
        self, planned: PlannedImage, content: str, suite: str, machine: str = ""
    ) -> Entry | None:
        """Return what the ledger has of an image, None where none is kept of it."""
        if self.ledger is None or not self.options.ledger or not content:
            return None
        return await self._found(planned, content, suite, machine)

    async def _found(self, planned: PlannedImage, content: str, suite: str, machine: str) -> Entry:
        assert self.ledger is not None
        machine = machine or await self._fact("machine", self.engine.machine)
        digest = Digest(bare_digest(content))
        return await self.ledger.find(planned, Subject(image=str(digest), suite=suite, machine=machine))

    async def _record(
        self, planned: PlannedImage, entry: Entry, checks: list[Check], done: tuple[Rung, ...]
    ) -> None:
        """Record the rungs that were done and passed, in place of those that failed this time."""
        assert self.ledger is not None
        new = {rung: found for rung, found in passed(checks).items() if rung in done and rung not in ALWAYS}
        after = entry.without(failed_rungs(checks)).added(new)
        if after != entry:
            await self.ledger.record(planned, after)

    async def _withdraw(
        self, planned: PlannedImage, content: str, suite: str, checks: list[Check], machine: str = ""
    ) -> None:
        """Take from a ledger that is not asked what failed now, or it would have passed the next time."""
        if self.ledger is None or self.options.ledger or not content or not failed_rungs(checks):
            return
        await self._record(planned, await self._found(planned, content, suite, machine), checks, ())

    async def _run(
        self,
        id_: str,
        info: ImageInfo,
        program: _Program,
        rungs: tuple[Rung, ...],
        output: Output,
        *,
        gpu_first_only: bool = False,
    ) -> ProcessResult:
        asked = {"rungs": [str(rung) for rung in rungs], "gpu_first_only": gpu_first_only}
        request = {**program.request, **asked}
        path = program.folder / REQUEST
        path.write_text(json.dumps(request))
        path.chmod(0o644)
        closed = SandboxedProgram(
            argv=(PYTHON, "-I", "-B", f"{PROBE}/probe.py", f"{PROBE}/{REQUEST}"),
            config=info.config,
            mounts=program.mounts,
            limit_s=PROBE_LIMIT_S,
            gpu=Rung.gpu in rungs,
        )
        return await self.engine.check(id_, closed, output)

    @contextmanager
    def _program(self, planned: PlannedImage) -> Iterator[_Program]:
        """Lay out what runs inside the image: the probe, and the folders smoke/ of its ancestors."""
        stack, image = self.stack, planned.image
        request = smoke_request(stack, image)
        with tempfile.TemporaryDirectory(prefix="dockwright-probe-", dir=self.scratch) as name:
            folder = Path(name)
            source = Path(str(files("ci.smoke.program").joinpath("probe.py"))).parent
            shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            for one in reversed(stack.lineage(image.id)):
                for file in one.smoke.inputs:
                    target = folder / INPUTS.removeprefix(f"{PROBE}/") / one.image / file.target
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(self.directory / one.folder / SMOKE / file.target, target)
            digests = {
                path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            } | {name: sha256(files("ci").joinpath(name).read_bytes()).hexdigest() for name in AROUND}
            mounts: list[tuple[Folder | File, str, str]] = [(folder, PROBE, "ro")]
            uv = self.uv(image)
            if uv is not None:
                mounts.append((uv, f"{PROBE}/uv", "ro"))
                (folder / "uv").touch()
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)  # for the image's user, whatever our umask
            yield _Program(
                folder=folder,
                request=request,
                mounts=tuple(mounts),
                has_uv=uv is not None,
                digest=suite_digest({**request, "uv": stack.uv}, digests, self.engine.closes),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    """What is mounted into an image under test; `digest` is that of the suite."""

    folder: Path
    request: dict[str, Any]
    mounts: tuple[tuple[Folder | File, str, str], ...]
    has_uv: bool
    digest: str


def _there(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Return checks of a device that was there a moment before: one that is not there now has failed."""
    gone = next((one for one in checks if one.name == DEVICE and one.status is Status.skipped), None)
    if gone is None:
        return checks
    detail = f"it was there a moment before, and is gone: {gone.detail}"
    failed = gone.model_copy(update={"status": Status.failed, "detail": detail})
    blocked = {"status": Status.blocked, "detail": f"by {DEVICE!r}"}
    return tuple(
        failed if one is gone else one if one.status is not Status.skipped else one.model_copy(update=blocked)
        for one in checks
    )


def _results(ended: ProcessResult, rung: Rung = Rung.structure) -> tuple[Check, ...]:
    return parse_results(ended.output, ended.status, why=ended.why, tail=ended.tail, rung=rung)
