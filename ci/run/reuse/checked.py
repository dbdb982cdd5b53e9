"""Images that are not run here: whether their present checks have passed, as the ledger has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import anyio

from ci.catalog.stack import Stack
from ci.engines.capabilities import SANDBOXES, expected_capabilities
from ci.engines.machine import CLASSES, CPUINFO, machine_class
from ci.names.digest import whole_digest
from ci.plan.plan import PlannedImage
from ci.registry.ledger_artifact import RegistryLedger
from ci.registry.retry import AT_ONCE
from ci.run.reuse.ledger import Ledger
from ci.run.reuse.remote_cache import RemoteCache
from ci.run.workspace.workspace import Workspace
from ci.smoke.ledger_entry import Subject
from ci.smoke.probe_program import present_suite
from ci.smoke.size import within_budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One image of a registry: the digest of its config, and its layers as (DiffID, bytes unpacked)."""

    planned: PlannedImage
    config: str
    layers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChecks:
    """What the ledger has about images of `stack`; `engine` is that of the settings, asked for first."""

    stack: Stack
    ledger: Ledger
    engine: str = "auto"

    async def passed(self, images: Iterable[Content]) -> dict[str, str]:
        """Return the digest of the config of each image that passed its present checks, by `image:variant`.

        Where they ran does not matter, since the images are not used here: in any sandbox, on any class of
        machine. The checks on a GPU are not counted.
        """
        found: dict[str, str] = {}
        limiter = anyio.CapacityLimiter(AT_ONCE)
        classes = _first(CLASSES, _machine_class())
        sandboxes = _first(SANDBOXES, expected_capabilities(self.engine).sandbox)

        async def look_up(one: Content) -> None:
            if not within_budget(one.planned.image, one.layers):
                return
            suites = [present_suite(self.stack, one.planned.image, sandbox) for sandbox in sandboxes]
            subjects = [
                Subject(image=whole_digest(one.config), suite=suite, machine=machine)
                for suite in suites
                for machine in classes
            ]
            async with limiter:
                if await self.ledger.passed(one.planned, subjects):
                    found[one.planned.id] = one.config

        async with anyio.create_task_group() as group:
            for one in images:
                group.start_soon(look_up, one)
        return found


def ledger_of(workspace: Workspace, remote: RemoteCache | None, warn: Callable[[str], None]) -> Ledger:
    """Return the ledger of this machine and, where there is one, of the registry."""
    folder = workspace.state.root / "ledger"
    if remote is None:
        return Ledger(folder=folder, warn=warn)
    return Ledger(
        folder=folder,
        warn=warn,
        registry=RegistryLedger(cache=remote.cache),
        pushed_configs={id_: artifact.config for id_, artifact in remote.available.items()},
    )


async def passed_in_registry(
    workspace: Workspace, remote: RemoteCache, warn: Callable[[str], None]
) -> dict[str, str]:
    """Return the digest of the config of each image of a registry that passed its present checks, by id."""
    ledger = ledger_of(workspace, remote, warn)
    known = RecordedChecks(stack=workspace.stack, ledger=ledger, engine=workspace.settings.engine)
    found = remote.available
    return await known.passed(
        Content(planned=planned, config=found[planned.id].config, layers=found[planned.id].layers)
        for planned in remote.plan.images
        if planned.id in found
    )


async def unchecked_in_registry(
    workspace: Workspace, remote: RemoteCache, *, trusts_ledger: bool = True
) -> frozenset[str]:
    """Return the ids of images of a registry that are not known to have passed their present checks."""
    if not trusts_ledger:
        return remote.ids
    return remote.ids - (await passed_in_registry(workspace, remote, remote.warnings.append)).keys()


def _first(all_: tuple[str, ...], first: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((first, *all_)))


def _machine_class() -> str:
    try:
        return machine_class(CPUINFO.read_text())
    except OSError:
        return "unknown"
