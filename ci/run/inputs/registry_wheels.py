"""Compiled wheels from a registry and to it, so that no machine compiles what another one has."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import anyio

from ci.errors import CatalogError, RegistryError
from ci.plan.plan import Plan
from ci.registry.wheel_set import RegistryWheelSets, SetFile
from ci.registry.wheels import LIMIT_BYTES, BuiltWheel, RegistryWheels
from ci.run.inputs.compiled import build_keys, compiled_of, content_store_of
from ci.run.workspace.workspace import Workspace
from ci.wheelhouse.input_document import wheelhouse_input
from ci.wheelhouse.program.compiled import Compiled
from ci.wheelhouse.program.content_store import ContentStore
from ci.wheelhouse.program.line import Line


async def fetch_wheels(wheels: RegistryWheels, workspace: Workspace, plan: Plan) -> list[str]:
    """Fetch the compiled wheels that are not here; return a sentence for each fault: then it is compiled."""
    faults = []
    try:
        keys = build_keys(workspace, _built(plan))
        compiled = compiled_of(workspace)
    except (CatalogError, OSError) as error:
        return [f"no compiled wheel is taken from the registry: {error}"]
    for key in keys:
        if compiled.find(key) is not None:
            continue
        try:
            wheel = await wheels.get(key)
            if wheel is not None:
                keep(compiled, wheel)
        except (RegistryError, OSError) as error:
            faults.append(f"a compiled wheel is not taken from the registry, but compiled: {error}")
    return faults


async def publish_wheels(wheels: RegistryWheels, workspace: Workspace, plan: Plan) -> list[str]:
    """Push the compiled wheels that the registry lacks; return a sentence for each fault."""
    faults = []
    compiled = compiled_of(workspace)
    for key in build_keys(workspace, _built(plan)):
        line = compiled.find(key)
        if line is None:
            continue
        try:
            kept = workspace.state.houses / "kept" / line.sha256
            if kept.stat().st_size > LIMIT_BYTES:
                faults.append(f"{line.file} is compiled, and too large to be kept in the registry")
            elif not await wheels.has(key):
                data = kept.read_bytes()
                await wheels.add(BuiltWheel(key, line.requirement, line.file, data))
        except (RegistryError, OSError) as error:
            faults.append(f"{line.file} is compiled, and not in the registry: {error}")
    return faults


def keep(compiled: Compiled, wheel: BuiltWheel) -> None:
    """Keep a wheel as if it had been compiled here."""
    with tempfile.TemporaryDirectory(prefix="dockwright-wheel-") as folder:
        path = Path(folder, wheel.file)
        path.write_bytes(wheel.data)
        compiled.add(wheel.key, (Line(requirement=wheel.requirement, sha256="", file=wheel.file), path))


def _built(plan: Plan) -> frozenset[str]:
    return frozenset(planned.id for planned in plan.to_build)


STREAMS = 4
"""Files at once."""


async def fetch_wheel_files(
    sets: RegistryWheelSets, workspace: Workspace, plan: Plan, variant: str, say: Callable[[str], None]
) -> list[str]:
    """Fetch the wheels of `variant` that are not here; return a sentence for what went wrong, if it did."""
    kept = content_store_of(workspace)
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


async def publish_wheel_files(
    sets: RegistryWheelSets, workspace: Workspace, plan: Plan, variant: str
) -> list[str]:
    """Push all wheels of `variant` unless the registry has this set; return a sentence for a fault."""
    kept = content_store_of(workspace)
    input_digest, files = _set(workspace, plan, variant)
    try:
        if not await sets.has(input_digest):
            await sets.add(input_digest, [(one, kept.path(one.sha256)) for one in files])
    except (RegistryError, OSError) as error:
        return [f"the wheels of {variant} are not all in the registry: {error}"]
    return []


async def _brought(sets: RegistryWheelSets, kept: ContentStore, one: SetFile) -> bool:
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
