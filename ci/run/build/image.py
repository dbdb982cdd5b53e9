"""Building one image: its instructions by the engine, its checks, and only then its names."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ci.engines.engine import BuildRequest, Engine, ImageInfo, Output
from ci.errors import BuildError, CommandError, SmokeError
from ci.lower.script import CHECK
from ci.names.digest import bare_digest, whole_digest
from ci.plan.keys import tag
from ci.plan.plan import PlannedImage
from ci.plan.recipes import apt_list, recipe
from ci.report.events import Details
from ci.run.inputs.inputs import BuildInputs
from ci.run.inputs.staged_files import staged
from ci.run.tasks.event_log import EventLog
from ci.run.tasks.task import Outcome, WorkResult
from ci.run.tasks.tool_warnings import ToolWarnings
from ci.run.workspace.file_lock import key_lock, lock_path
from ci.run.workspace.image_record import ImageRecord
from ci.run.workspace.local_store import KEY_LABEL
from ci.run.workspace.state import State
from ci.smoke.image_checks import ImageChecks
from ci.smoke.results import failed, failures_text

STEP_SHOWN = 80
PREPARES = ("cd ", "export ")
_STEP = re.compile(r"STEP \d+/\d+: (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageWork:
    """Builds the images of one plan."""

    inputs: BuildInputs
    engine: Engine
    parents: dict[str, str]
    """Local name of what each image variant starts from."""
    events: EventLog
    checks: ImageChecks
    tool_warnings: ToolWarnings
    cache: bool = True
    available: Collection[str] = ()
    """Names of the images that the store had when the plan was made."""

    async def build(self, planned: PlannedImage, log: Path) -> WorkResult:
        """Build, check and name one image, or find that another run did so meanwhile.

        Raises:
            BuildError: a step failed; its last lines are in the message.
            SmokeError: a check failed; the image keeps no name.
        """
        lock = lock_path(self._state.root, planned.id, tag(planned.key))
        say = partial(self.events.step, planned.id)
        async with key_lock(lock, say=say, what="builds this image"):
            return await self._found(planned) or await self._built(planned, log)

    async def _found(self, planned: PlannedImage) -> WorkResult | None:
        """Return the image if another run built, checked and named it since this run read the store."""
        if planned.reference in self.available:
            return None
        record = self._state.record(planned.id, tag(planned.key))
        id_ = (await self.engine.images()).get(planned.reference) if record is not None else None
        if id_ is None or record is None:
            return None
        await self.name(planned, id_)
        return WorkResult(
            outcome=Outcome.reused,
            details=details_of(planned, record, reason="built meanwhile by another run"),
        )

    async def passed(self, planned: PlannedImage, id_: str = "") -> bool:
        """Whether an image that exists has passed its present checks on this class of machine.

        `id_` is its id in the store; that of its record too, nothing else has to be asked.
        """
        record = self._state.record(planned.id, tag(planned.key))
        if record is None or not id_ or bare_digest(id_) != bare_digest(record.config_digest):
            record = self._record_of(planned, await self.engine.inspect(planned.reference))
        return await self.checks.recorded(planned, record.config_digest, record.layers)

    def _record_of(self, planned: PlannedImage, info: ImageInfo) -> ImageRecord:
        """Return the record of an image that exists, unless it is that of another image under this key."""
        record = self._state.record(planned.id, tag(planned.key))
        if record is None or (info.id and whole_digest(info.id) != record.config_digest):
            return ImageRecord(document=planned.document, layers=info.layers, config_digest=info.id)
        return record

    async def checked(self, planned: PlannedImage, log: Path) -> WorkResult:
        """Check an image that exists.

        Raises:
            SmokeError: a check failed; the image keeps its names.
        """
        info = await self.engine.inspect(planned.reference)
        record = self._record_of(planned, info)
        self.events.step(planned.id, "checks")
        checks = await self.checks.check(
            planned, info.id or planned.reference, info, record.config_digest, record.layers, Output(log=log)
        )
        if failed(checks):
            raise SmokeError(failures_text(planned.id, checks, tagged=True))
        details = details_of(planned, record, reason=planned.reason, checks=len(checks))
        return WorkResult(outcome=Outcome.reused, details=details)

    async def _built(self, planned: PlannedImage, log: Path) -> WorkResult:
        used: list[float] = []
        output = Output(log=log, on_line=lambda line: self._step(planned.id, line), on_cpu=used.append)
        try:
            async with self._shared_apt_lock(planned):
                id_ = await self.engine.build(self.request(planned), output)
        except CommandError as error:
            changed = await self.inputs.changed_files(planned.image)
            hint = f"{changed[0]}. The next build fetches it again" if changed else ""
            text = f"{planned.id}: a step failed ({log} has all of it)\n{error.tail}"
            raise BuildError(text, hint=hint) from error
        info = await self.engine.inspect(id_)
        record = ImageRecord(document=planned.document, layers=info.layers, config_digest=info.id)
        self.events.step(planned.id, "checks")
        checks = await self.checks.check(
            planned, id_, info, record.config_digest, record.layers, Output(log=log)
        )
        wrong = failed(checks)
        if wrong:
            raise SmokeError(failures_text(planned.id, checks, tagged=False))
        if info.id:  # no digest is known of the images of some engines
            self._state.write_record(planned.id, tag(planned.key), record)
        await self.name(planned, id_)
        return WorkResult(
            outcome=Outcome.built,
            details=details_of(
                planned, record, reason=planned.reason, checks=len(checks), user_s=sum(used) if used else None
            ),
        )

    def request(self, planned: PlannedImage) -> BuildRequest:
        """Return the request to the engine."""
        return build_request(planned, self.inputs, self.parents[planned.id], cache=self.cache)

    async def name(self, planned: PlannedImage, image: str) -> None:
        """Give an image its cache tag and its human tag."""
        stack = self.inputs.workspace.stack
        await self.engine.tag(image, planned.reference, f"{stack.namespace}/{planned.id}")

    @property
    def _state(self) -> State:
        return self.inputs.workspace.state

    def _shared_apt_lock(self, planned: PlannedImage) -> AbstractAsyncContextManager[bool]:
        """Let images with the same Debian packages on one parent build in turn: the second finds them."""
        image = planned.image
        name = apt_list(image.apt, image.apt_lock)
        if not name:
            return nullcontext(False)
        return key_lock(
            lock_path(self._state.root, "shared-apt-layer", self.parents[planned.id], name),
            say=partial(self.events.step, planned.id),
            what="installs the same Debian packages",
        )

    def _step(self, task: str, line: str) -> None:
        found = _STEP.search(line)
        if found:
            self.events.step(task, shown(found[1]))
        else:
            self.tool_warnings.found_in(task, line)


def build_request(
    planned: PlannedImage, inputs: BuildInputs, parent: str, *, cache: bool = True
) -> BuildRequest:
    """Return the request to an engine: the image on `parent`, with the folders of `inputs` it mounts.

    The image's files have to be staged.
    """
    workspace, image = inputs.workspace, planned.image
    return BuildRequest(
        instructions="\n".join(planned.instructions) + "\n",
        steps=recipe(workspace.stack, image),
        context=staged(workspace, image),
        parent=parent,
        build_args=inputs.parts(image),
        folders=inputs.folders(image),
        labels={KEY_LABEL: planned.key},
        cache=cache,
    )


def details_of(
    planned: PlannedImage,
    record: ImageRecord | None,
    *,
    reason: str,
    checks: int | None = None,
    user_s: float | None = None,
) -> Details:
    """Return what a run reports of an image that exists; some of it is known only with its record."""
    return Details(
        key=planned.key,
        reference=planned.reference,
        digest=(record.config_digest or None) if record else None,
        reason=reason,
        unpacked_bytes=record.unpacked_bytes if record else None,
        user_s=user_s,
        metrics={"checks": checks} if checks is not None else {},
    )


def shown(instruction: str) -> str:
    """Return an instruction for a person: a RUN by its first real command, and not all of it."""
    text = instruction
    if text.startswith("RUN "):
        commands = re.sub(r"--mount=\S+\s+", "", text.removeprefix("RUN ")).split("&&")
        real = [one for one in commands if not one.strip().startswith(PREPARES) and CHECK not in one]
        text = f"RUN {(real or commands)[0].strip()}"
    return text if len(text) <= STEP_SHOWN else f"{text[: STEP_SHOWN - 1]}…"
