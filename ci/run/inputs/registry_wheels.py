"""Compiled wheels from a registry and to it, so that no machine compiles what another one has."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ci.errors import CatalogError, RegistryError
from ci.plan.plan import Plan
from ci.registry.wheels import LIMIT_BYTES, BuiltWheel, RegistryWheels
from ci.run.inputs.compiled import build_keys, compiled_of
from ci.run.workspace.workspace import Workspace
from ci.wheelhouse.program.compiled import Compiled
from ci.wheelhouse.program.line import Line


async def bring_wheels(wheels: RegistryWheels, workspace: Workspace, plan: Plan) -> list[str]:
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


async def share_wheels(wheels: RegistryWheels, workspace: Workspace, plan: Plan) -> list[str]:
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
