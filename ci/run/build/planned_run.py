"""A request with all that was found out before its tasks start."""

from __future__ import annotations

from dataclasses import dataclass, field

from ci.plan.plan import Plan, PlannedImage
from ci.run.build.request import Request
from ci.run.estimate.needs import Estimate
from ci.run.reuse.remote_cache import RemoteCache
from ci.run.tasks.event_log import Listener
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """What a run does, and with what.

    Attributes:
        workspace: where it works; that of the registered run once its tasks start.
        request: what was asked for.
        plan: what is done, image by image.
        store: what the engine's store had when the plan was made.
        remote: the registry that images are reused from, and pushed to where it may be written.
        listeners: get each event.
        warnings: what the report repeats of the time before the run.
        estimate: what the run needs; without one only a full disk is watched for.
        passed: the digest of the config of each image that passed its present checks, by `image:variant`:
            what the ledger has of the registry's images, and then what the tasks add.
    """

    workspace: Workspace
    request: Request
    plan: Plan
    store: Store = field(default_factory=lambda: Store(ids={}))
    remote: RemoteCache | None = None
    listeners: tuple[Listener, ...] = ()
    warnings: tuple[str, ...] = ()
    estimate: Estimate | None = None
    passed: dict[str, str] = field(default_factory=dict)

    @property
    def pushed(self) -> tuple[PlannedImage, ...]:
        """The images that the registry lacks, if it may be written."""
        remote = self.remote
        if remote is None or not remote.cache.writes:
            return ()
        return tuple(planned for planned in self.plan.images if planned.id not in remote.available)
