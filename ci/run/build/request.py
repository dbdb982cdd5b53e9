"""What a run is asked to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ci.errors import UsageError
from ci.plan.plan import Plan, is_named, with_all_fetched
from ci.report.events import Checkout
from ci.run.estimate.needs import Estimate
from ci.run.reuse.remote_cache import RemoteCache
from ci.run.tasks.event_log import Listener
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace
from ci.smoke.check_options import CheckOptions
from ci.smoke.ladder import needs_gpu


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be built. `names` are `image` or `image:variant`; empty `names` or `variants`: all."""

    names: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    bundle: Path | None = None
    rebuild: bool = False
    frozen: bool = False
    fail_fast: bool = False
    smoke: bool = False
    """Whether what is there is checked again."""
    checks: CheckOptions = field(default_factory=CheckOptions)
    """What the checks are to do beside what every image gets."""
    argv: tuple[str, ...] = ()

    @property
    def checks_existing(self) -> bool:
        """Whether images that are there are checked: where that was asked for, or a GPU is to compute."""
        return self.smoke or self.checks.gpu or self.checks.require_gpu

    checkout: Checkout | None = None
    """What the stack is of, where git can't be asked."""

    async def plan(self, workspace: Workspace, store: Store, remote: Collection[str] = ()) -> Plan:
        """Return the plan of this request; `remote` are the ids of what a registry has."""
        asked = [
            image.id for image in workspace.stack.images if not self.names or is_named(image.id, self.names)
        ]
        return await workspace.plan(
            self.names, self.variants, rebuild=asked if self.rebuild else (), store=store, remote=remote
        )

    def with_checked(self, plan: Plan, present: Collection[str]) -> Plan:
        """Return `plan` with what is only to be checked fetched, where it is not `present`.

        Raises:
            UsageError: a GPU is required, and no image of the plan computes on one.
        """
        if self.checks.require_gpu and not any(needs_gpu(planned.image) for planned in plan.images):
            raise UsageError(
                "--require-gpu: none of these images computes on a GPU; name one with the variant cuda"
            )
        return with_all_fetched(plan, present) if self.checks_existing else plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for beside the images."""

    bundle: Path | None = None
    cache: bool = True
    fail_fast: bool = False
    argv: tuple[str, ...] = ()
    listeners: Sequence[Listener] = field(default_factory=tuple)
    warnings: tuple[str, ...] = ()
    """What the report is to say beside what happens in the run."""
    estimate: Estimate | None = None
    """What the run needs; without one only a full disk is looked for."""
    smoke: bool = False
    """Whether images that are there are checked again."""
    checks: CheckOptions = field(default_factory=CheckOptions)
    """What the checks are to do beside what every image gets."""
    remote: RemoteCache | None = None
    """The registry that images are reused from, and pushed to where it may be written."""
    checkout: Checkout | None = None
    """What the stack is of, where that is known from elsewhere: git is not asked then."""
