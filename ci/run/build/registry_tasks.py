"""What a run does with its registry: images that it has are named, or fetched; built ones are pushed."""

from __future__ import annotations

from dataclasses import dataclass

from ci.engines.engine import Output
from ci.errors import DockwrightError
from ci.names.digest import bare_digest, short_digest
from ci.plan.keys import tag
from ci.plan.plan import PlannedImage
from ci.report.events import Details
from ci.report.report import Report
from ci.run.build.image import ImageWork, details_of
from ci.run.reuse.remote_cache import RemoteCache
from ci.run.tasks.task import Outcome, WorkResult
from ci.run.workspace.image_record import ImageRecord

MEANWHILE = "another runner has built and pushed it meanwhile"
BUILT_TWICE = "built_twice"
"""The figure of a push task that names the image which another runner built too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryTasks:
    """The tasks that a registry takes part in; a plan has none of them where `remote` is None."""

    remote: RemoteCache | None
    images: ImageWork

    async def fetch(self, planned: PlannedImage, output: Output) -> WorkResult:
        """Bring an image that others are built on into the store, and name it.

        Raises:
            RegistryError: it is not what its key artifact names.
            CommandError: the registry does not give it.
        """
        assert self.remote is not None
        id_, record = await self.remote.fetch(planned, self.images.engine, output)
        self.images.inputs.workspace.state.write_record(planned.id, tag(planned.key), record)
        await self.images.name(planned, id_)
        await self.remote.forget(planned, self.images.engine)
        return WorkResult(outcome=Outcome.reused, details=details_of(planned, record, reason=planned.reason))

    def compared(self, planned: PlannedImage, built: WorkResult) -> WorkResult:
        """Return `built`, and warn where the registry has another image under the same key.

        That only `--rebuild` can find: what the registry has is not built otherwise.
        """
        artifact = self.remote.available.get(planned.id) if self.remote is not None else None
        here = built.details.digest
        if artifact is None or not here or not self.images.engine.capabilities.reproducible:
            return built
        if bare_digest(here) != bare_digest(artifact.config):
            self.images.events.warning(
                f"{planned.id}: the registry has another image under this key "
                f"({short_digest(artifact.config)}, here {short_digest(here)}), and keeps it: `epoch` of "
                "stack.toml, counted up, leaves it behind; "
                f"`dockwright verify-repro {planned.id}` shows whether it is built the same twice"
            )
        return built

    async def push(self, planned: PlannedImage, output: Output) -> WorkResult:
        """Push an image; the outcome is `built` if it was pushed. An error is a warning.

        An image that was built here while another runner built and pushed it has `MEANWHILE` as its reason;
        not so one that was there before, and could not be looked up or fetched.
        """
        assert self.remote is not None
        engine, events = self.images.engine, self.images.events
        try:
            end = await self.remote.push(planned, await engine.inspect(planned.reference), engine, output)
        except (DockwrightError, OSError) as error:
            events.warning(f"{planned.id} is built, and not in the registry: {error}")
            return WorkResult(outcome=Outcome.reused)
        if end == "pushed":
            await self.images.checks.record_pushed(planned, self.remote.pushed[planned.id].config)
            return WorkResult(outcome=Outcome.built)
        if end == "present" or planned.action != "build":
            return WorkResult(outcome=Outcome.reused)
        events.note(MEANWHILE, task=planned.id)
        details = Details(reason=MEANWHILE, metrics={BUILT_TWICE: planned.id})
        return WorkResult(outcome=Outcome.reused, details=details)


def built_twice(report: Report) -> tuple[str, ...]:
    """Return the images that another runner built and pushed while they were built here."""
    return tuple(str(row.metrics[BUILT_TWICE]) for row in report.others if BUILT_TWICE in row.metrics)


def reused(planned: PlannedImage, remote: RemoteCache | None) -> WorkResult:
    """Return what an image that only a registry has gives: its key artifact."""
    artifact = remote.available.get(planned.id) if remote is not None else None
    record = (
        ImageRecord(document=planned.document, layers=artifact.layers, config_digest=artifact.config)
        if artifact is not None
        else None
    )
    return WorkResult(outcome=Outcome.reused, details=details_of(planned, record, reason=planned.reason))
