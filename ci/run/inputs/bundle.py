"""Copying the houses to a folder that a machine without any network builds from."""

from __future__ import annotations

import shutil
from pathlib import Path

import anyio

from ci.run.inputs.local import LocalInputs


async def export(houses: LocalInputs, variants: tuple[str, ...], target: Path) -> None:
    """Copy the houses of `variants` to `target`, so that a machine without network builds from there."""
    names = ["bootstrap", "debhouse", *(f"wheelhouse/{variant}" for variant in variants)]
    for name in names:
        source = houses.folder(name)
        if not (source / "manifest.json").exists():
            continue
        copy = target / name
        await anyio.to_thread.run_sync(_copy, source, copy)


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, part)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
