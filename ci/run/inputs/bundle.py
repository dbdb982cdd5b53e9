"""Copying package folders to a folder that a machine without any network builds from."""

from __future__ import annotations

import shutil
from pathlib import Path

import anyio

from ci.run.inputs.local import LocalInputs


async def export(inputs: LocalInputs, variants: tuple[str, ...], target: Path) -> None:
    """Copy the package folders of `variants` to `target`; `--wheelhouse` takes that folder."""
    names = ["bootstrap", "debhouse", *(f"wheelhouse/{variant}" for variant in variants)]
    for name in names:
        source = inputs.folder(name)
        if not (source / "manifest.json").exists():
            continue
        copy = target / name
        await anyio.to_thread.run_sync(_copy, source, copy)


def _copy(source: Path, target: Path) -> None:
    partial = target.with_name(f".{target.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
