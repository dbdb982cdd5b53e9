"""The workspace: an opened stack with its settings, its store and its state. Every command starts from it."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio

from ci.catalog.base_python import check_base
from ci.catalog.load import STACK, load_stack
from ci.catalog.stack import Stack
from ci.catalog.validation_errors import ValidationErrors
from ci.engines.choose import choose_engine
from ci.engines.engine import Engine
from ci.engines.process.runner import Runner
from ci.errors import CommandError, EngineError, StoreError, UsageError
from ci.names.host import parse_host
from ci.plan.plan import Inventory, Plan, make_plan, select
from ci.registry.namespace import RegistryNamespace, parse_namespace
from ci.run.workspace.base_kind import BaseKind, answers, resolve_base, root_image
from ci.run.workspace.live_runs import RunMarker
from ci.run.workspace.local_store import Store
from ci.run.workspace.state import State
from ci.run.workspace.state_file import Warn
from ci.run.workspace.state_structure import repair_structure
from ci.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A checked stack, and what this machine builds it with."""

    settings: Settings
    stack: Stack
    base: BaseKind
    runner: Runner
    state: State
    registry: RegistryNamespace | None = None
    """Of the settings; None where none is set."""
    run: str = ""
    """Name of the live run that this workspace belongs to; empty outside of a run."""

    @property
    def scratch(self) -> Path:
        """The folder of temporary files: the run's own, which is removed with it."""
        return self.settings.tmpdir / self.run if self.run else self.settings.tmpdir

    def scratch_of(self, run: RunMarker) -> Path:
        """Return the folder of the temporary files of another run."""
        return self.settings.tmpdir / run.name

    def for_run(self, run: RunMarker) -> Workspace:
        """Return this workspace for a live run, whose processes and containers are marked as its own."""
        return replace(self, run=run.name, runner=replace(self.runner, run_marker=str(run.path)))

    def with_engine(self, name: str) -> Workspace:
        """Return this workspace with another engine."""
        return replace(self, settings=self.settings.with_(engine=name))

    def with_warnings(self, warn: Warn) -> Workspace:
        """Return this workspace with another way to report damage of the state directory."""
        return replace(self, state=replace(self.state, warn=warn))

    @property
    def directory(self) -> Path:
        """The stack directory, absolute."""
        return self.settings.stack.absolute()

    @property
    def root_image(self) -> str:
        """The local name of the image that root images, and the fetching containers, start from."""
        return root_image(self.stack, self.base.kind)

    @property
    def capacity(self) -> int:
        """How many tasks run at once."""
        return self.settings.jobs or os.cpu_count() or 1

    @property
    def cache_registry(self) -> RegistryNamespace | None:
        """The registry that images are reused from; None where there is none, or it is not to be used."""
        return self.registry if self.settings.cache != "off" else None

    @property
    def required_registry(self) -> RegistryNamespace:
        """The registry, for what can't do without one.

        Raises:
            UsageError: none is set.
        """
        return _required(self.registry)

    async def engine(self, *, runs_steps: bool = True) -> Engine:
        """Return the engine that builds here; which one works is found out by child processes, in a thread.

        Without `runs_steps` it is for reading its store alone.

        Raises:
            EngineError: there is none, or this user can't run it.
        """
        choose = partial(choose_engine, self.settings, self.runner, runs_steps=runs_steps)
        return await anyio.to_thread.run_sync(choose)

    async def store(self) -> Store:
        """Return the images of the local store; none where no engine is usable.

        Raises:
            StoreError: the store is damaged.
        """
        try:
            return Store(ids=await (await self.engine(runs_steps=False)).images())
        except StoreError:
            raise
        except (EngineError, CommandError):
            return Store(ids={})

    def check_base(self) -> None:
        """Check that the base of the resolved kind has the Python of the stack, as far as that is known.

        Raises:
            CatalogError: it has another.
        """
        errors = ValidationErrors(top=self.directory.name)
        check_base(errors, STACK, self.stack, self.base.kind)
        if errors:
            raise errors.error()

    async def plan(
        self,
        names: Collection[str] = (),
        variants: Collection[str] = (),
        rebuild: Collection[str] = (),
        store: Store | None = None,
        remote: Collection[str] = (),
    ) -> Plan:
        """Return the plan for `names` (`image` or `image:variant`; empty: all) of `variants` (empty: all).

        `remote` are the ids of images that a registry has.

        Raises:
            CatalogError: the base has another Python than the stack.
        """
        self.check_base()
        local = store if store is not None else await self.store()
        namespace = self.stack.namespace
        return make_plan(
            self.stack,
            Inventory(
                present=local.tags(namespace),
                built=local.built(namespace),
                stored=self.state.stored,
                remote=remote,
            ),
            base=self.base.kind,
            selected=select(self.stack, names, variants),
            rebuild=rebuild,
        )


def open_workspace(settings: Settings) -> Workspace:
    """Load the stack, and decide on the kind of base.

    Raises:
        CatalogError: the stack directory has validation errors; all of them are reported.
        UsageError: the registry has another form than HOST[:PORT]/NAMESPACE.
    """
    registry = _registry(settings)
    stack = load_stack(settings.stack)
    repair_structure(settings.state)
    return Workspace(
        settings=settings,
        stack=stack,
        base=resolve_base(stack, settings.base, answers),
        runner=Runner(limit_s=settings.step_timeout_s),
        state=State(root=settings.state),
        registry=registry,
    )


def registry_namespace(settings: Settings) -> RegistryNamespace:
    """Return the registry of these settings, for what needs no stack.

    Raises:
        UsageError: none is set, or it has another form than HOST[:PORT]/NAMESPACE.
    """
    return _required(_registry(settings))


def _registry(settings: Settings) -> RegistryNamespace | None:
    if not settings.registry:
        return None
    named = parse_namespace(settings.registry)
    if settings.registry_address:
        parse_host(settings.registry_address)
    by_file = settings.is_of_a_file("registry") or settings.is_of_a_file("registry_address")
    return replace(named, address=settings.registry_address, is_named_by_file=by_file)


def _required(registry: RegistryNamespace | None) -> RegistryNamespace:
    if registry is None:
        raise UsageError(
            "no registry is set",
            hint="give --registry HOST[:PORT]/NAMESPACE, or set DOCKWRIGHT_REGISTRY",
        )
    return registry
