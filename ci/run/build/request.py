"""A request: what the user wants a run to do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from ci.catalog.stack import Stack
from ci.errors import UsageError
from ci.plan.plan import UNCHECKED, Plan, check_variants, is_named, select, with_fetched
from ci.report.events import Checkout
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace
from ci.smoke.check_options import CheckOptions
from ci.smoke.ladder import needs_gpu


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a run does, besides its settings; each front end makes one, complete.

    Attributes:
        names: `image` or `image:variant`; empty: all images.
        variants: empty: all variants.
        bundle: absolute path of an exported folder that has all inputs; None: they are fetched.
        rebuild: build the named images again, without layers of earlier builds.
        frozen: refuse to lock Debian packages again when the mirror has them no more.
        fail_fast: start nothing after a failure.
        smoke: check images that exist already.
        checks: options of the checks.
        argv: the command line, for the report.
        checkout: what the stack is a checkout of, where git can't be asked; None: git is asked.
    """

    names: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    bundle: Path | None = None
    rebuild: bool = False
    frozen: bool = False
    fail_fast: bool = False
    smoke: bool = False
    checks: CheckOptions = field(default_factory=CheckOptions)
    argv: tuple[str, ...] = ()
    checkout: Checkout | None = None

    @property
    def checks_existing(self) -> bool:
        """Whether images that exist already are checked: by `smoke`, or for checks on a GPU."""
        return self.smoke or self.checks.gpu or self.checks.require_gpu

    @property
    def trusts_ledger(self) -> bool:
        """Whether an image is reused unchecked if its present checks are recorded as passed."""
        return self.checks.ledger and not self.checks_existing

    def check(self, stack: Stack) -> None:
        """Refuse what `stack` can't do.

        Raises:
            UsageError: there is no such image or variant.
        """
        check_variants(stack, self.variants)
        select(stack, self.names, self.variants)

    async def plan(self, workspace: Workspace, store: Store, remote: Collection[str] = ()) -> Plan:
        """Return the plan of this request; `remote` are the ids of the images that a registry has."""
        named = [
            image.id for image in workspace.stack.images if not self.names or is_named(image.id, self.names)
        ]
        return await workspace.plan(
            self.names, self.variants, rebuild=named if self.rebuild else (), store=store, remote=remote
        )

    def with_checked(self, plan: Plan, present: Collection[str], unchecked: Collection[str] = ()) -> Plan:
        """Return `plan` with the images that are only to be checked fetched, unless their tag is `present`.

        Those are all images if that was asked for, and else those `unchecked`: the ids of images of a
        registry whose present checks are not known to have passed.

        Raises:
            UsageError: a GPU is required, and no image of the plan computes on one.
        """
        if self.checks.require_gpu and not any(needs_gpu(planned.image) for planned in plan.images):
            raise UsageError(
                "--require-gpu: none of these images computes on a GPU",
                hint="name an image of the variant cuda",
            )
        if self.checks_existing:
            return with_fetched(plan, present, reason="the registry has this key")
        return with_fetched(plan, present, unchecked, reason=UNCHECKED)
