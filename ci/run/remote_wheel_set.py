"""All wheels from a registry and to it, so that a runner needs no Python index."""

from __future__ import annotations

import os
from collections.abc import Callable

import anyio

from ci.errors import RegistryError
from ci.plan.plan import Plan
from ci.registry.wheel_set import RegistryWheelSets, SetFile
from ci.run.inputs.compiled import kept_of
from ci.run.workspace.workspace import Workspace
from ci.wheelhouse.input_document import wheelhouse_input
from ci.wheelhouse.program.content_store import Kept
from ci.wheelhouse.program.line import Line

STREAMS = 4
"""Files at once."""


async def bring_files(
    sets: RegistryWheelSets, workspace: Workspace, plan: Plan, variant: str, say: Callable[[str], None]
) -> list[str]:
    """Fetch the wheels of `variant` that are not here; return a sentence for what went wrong, if it did."""
    kept = kept_of(workspace)
    _, files = _set(workspace, plan, variant)
    missing = [one for one in files if not kept.holds(one.sha256)]
    limiter = anyio.CapacityLimiter(STREAMS)
    brought: list[str] = []
    faults: list[str] = []

    async def bring(one: SetFile) -> None:
        async with limiter:
            if faults:
                return
            try:
                if await _brought(sets, kept, one):
                    brought.append(one.file)
            except (RegistryError, OSError) as error:
                faults.append(f"the wheels of {variant} come from the index, not from the registry: {error}")

    async with anyio.create_task_group() as group:
        for one in missing:
            group.start_soon(bring, one)
    if brought:
        say(f"{len(brought)} of {len(missing)} files brought from the registry")
    return faults[:1]


async def share_files(sets: RegistryWheelSets, workspace: Workspace, plan: Plan, variant: str) -> list[str]:
    """Push all wheels of `variant` unless the registry has this set; return a sentence for a fault."""
    kept = kept_of(workspace)
    input_digest, files = _set(workspace, plan, variant)
    try:
        if not await sets.has(input_digest):
            await sets.add(input_digest, [(one, kept.path(one.sha256)) for one in files])
    except (RegistryError, OSError) as error:
        return [f"the wheels of {variant} are not all in the registry: {error}"]
    return []


async def _brought(sets: RegistryWheelSets, kept: Kept, one: SetFile) -> bool:
    part = kept.parts / f"{one.sha256}.{os.getpid()}.part"
    try:
        if not await sets.fetch(one, part):
            return False
        part.chmod(0o644)
        part.replace(kept.path(one.sha256))
    finally:
        part.unlink(missing_ok=True)
    return True


def _set(workspace: Workspace, plan: Plan, variant: str) -> tuple[str, tuple[SetFile, ...]]:
    """Return the input digest and the wheels of what `plan` builds of a variant, those that compile too."""
    stack = workspace.stack
    built = frozenset(planned.id for planned in plan.to_build)
    wanted = wheelhouse_input(stack, variant, workspace.base.kind, built)
    sizes = {line.sha256: line.size for image in stack.images for line in image.python_lock}
    sizes |= {line.sha256: line.size for line in stack.builder.python_lock}
    texts = {*wanted["builder"], *(text for texts in wanted["lists"].values() for text in texts)}
    lines = sorted((Line.of(text) for text in texts), key=lambda line: line.file)
    files = tuple(
        SetFile(file=line.file, sha256=line.sha256, size=sizes.get(line.sha256, 0))
        for line in lines
        if not line.is_sdist
    )
    return str(wanted["input"]), files
