"""Wheels from a registry and to it, so that no machine compiles what another one has compiled."""

from __future__ import annotations

import hashlib
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
from ci.run.inputs.hash_threads import in_hash_thread
from ci.run.workspace.workspace import Workspace
from ci.wheelhouse.input_document import wheelhouse_input
from ci.wheelhouse.program.compiled import Compiled
from ci.wheelhouse.program.content_store import ContentStore
from ci.wheelhouse.program.line import Line


async def fetch_wheels(wheels: RegistryWheels, workspace: Workspace, plan: Plan) -> list[str]:
    """Fetch compiled wheels that are missing here; return a sentence for each that has to be compiled."""
    warnings = []
    try:
        keys = build_keys(workspace, _built(plan))
        compiled = compiled_of(workspace)
    except (CatalogError, OSError) as error:
        return [f"no compiled wheel is fetched from the registry: {error}"]
    for key in keys:
        if await _found(compiled, key) is not None:
            continue
        try:
            wheel = await wheels.get(key)
            if wheel is not None:
                await anyio.to_thread.run_sync(add_wheel, compiled, wheel)
        except (RegistryError, OSError) as error:
            warnings.append(f"a wheel is not fetched from the registry, but compiled: {error}")
    return warnings


async def publish_wheels(wheels: RegistryWheels, workspace: Workspace, plan: Plan) -> list[str]:
    """Push the compiled wheels that the registry lacks; return a sentence for each that is not pushed."""
    warnings = []
    store, compiled = content_store_of(workspace), compiled_of(workspace)
    for key in build_keys(workspace, _built(plan)):
        line = await _found(compiled, key)
        if line is None:
            continue
        try:
            path = store.path(line.sha256)
            if path.stat().st_size > LIMIT_BYTES:
                warnings.append(f"{line.file} is compiled, but too large for the registry")
            elif not await wheels.has(key):
                data = await anyio.to_thread.run_sync(path.read_bytes)
                if hashlib.sha256(data).hexdigest() != line.sha256:
                    warnings.append(f"{line.file} was changed after it was compiled, so it is not pushed")
                    continue
                await wheels.add(BuiltWheel(key, line.requirement, line.file, data))
        except (RegistryError, OSError) as error:
            warnings.append(f"{line.file} is compiled, but not in the registry: {error}")
    return warnings


def add_wheel(compiled: Compiled, wheel: BuiltWheel) -> None:
    """Add a wheel as if it had been compiled here."""
    with tempfile.TemporaryDirectory(prefix="dockwright-wheel-") as folder:
        path = Path(folder, wheel.file)
        path.write_bytes(wheel.data)
        compiled.add(wheel.key, (Line(requirement=wheel.requirement, sha256="", file=wheel.file), path))


async def _found(compiled: Compiled, key: str) -> Line | None:
    return await in_hash_thread(lambda on_chunk: compiled.find(key, on_chunk))


def _built(plan: Plan) -> frozenset[str]:
    return frozenset(planned.id for planned in plan.to_build)


STREAMS = 4
"""Files at once."""


async def fetch_wheel_files(
    sets: RegistryWheelSets, workspace: Workspace, plan: Plan, variant: str, say: Callable[[str], None]
) -> list[str]:
    """Fetch the wheels of `variant` that are missing here; return a sentence if that failed."""
    store = content_store_of(workspace)
    _, files = _set(workspace, plan, variant)
    missing = await in_hash_thread(
        lambda on_chunk: [one for one in files if not store.has(one.sha256, on_chunk)]
    )
    limiter = anyio.CapacityLimiter(STREAMS)
    fetched: list[str] = []
    warnings: list[str] = []

    async def fetch(one: SetFile) -> None:
        async with limiter:
            if warnings:
                return
            try:
                if await _fetched(sets, store, one):
                    fetched.append(one.file)
            except (RegistryError, OSError) as error:
                warnings.append(
                    f"the wheels of {variant} are fetched from the index, not from the registry: {error}"
                )

    async with anyio.create_task_group() as group:
        for one in missing:
            group.start_soon(fetch, one)
    if fetched:
        say(f"{len(fetched)} of {len(missing)} files fetched from the registry")
    return warnings[:1]


async def publish_wheel_files(
    sets: RegistryWheelSets, workspace: Workspace, plan: Plan, variant: str
) -> list[str]:
    """Push all wheels of `variant` unless the registry has this set; return a sentence if that failed."""
    store = content_store_of(workspace)
    input_digest, files = _set(workspace, plan, variant)
    try:
        if not await sets.has(input_digest):
            await sets.add(input_digest, [(one, store.path(one.sha256)) for one in files])
    except (RegistryError, OSError) as error:
        return [f"the wheels of {variant} are not all in the registry: {error}"]
    return []


async def _fetched(sets: RegistryWheelSets, store: ContentStore, one: SetFile) -> bool:
    partial = store.partial / f"{one.sha256}.{os.getpid()}.part"
    try:
        if not await sets.fetch(one, partial):
            return False
        partial.chmod(0o644)
        partial.replace(store.path(one.sha256))
    finally:
        partial.unlink(missing_ok=True)
    return True


def _set(workspace: Workspace, plan: Plan, variant: str) -> tuple[str, tuple[SetFile, ...]]:
    """Return the input digest and the wheels, with build requirements, of what `plan` builds of a variant."""
    wanted = wheelhouse_input(workspace.stack, variant, workspace.base.kind, _built(plan))
    texts = {*wanted["builder"], *(text for texts in wanted["lists"].values() for text in texts)}
    lines = sorted((Line.of(text) for text in texts), key=lambda line: line.file)
    files = tuple(
        SetFile(file=line.file, sha256=line.sha256, size=wanted["sizes"].get(line.sha256, 0))
        for line in lines
        if not line.is_sdist
    )
    return str(wanted["input"]), files
