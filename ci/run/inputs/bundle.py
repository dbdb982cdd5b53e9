"""Copying build inputs to a folder that a machine without any network builds from."""

from __future__ import annotations

import shutil
from pathlib import Path

import anyio

from ci.lower.render import FILES
from ci.run.inputs.local import LocalInputs
from ci.run.inputs.staged_files import by_folder, write_context


async def export(inputs: LocalInputs, variants: tuple[str, ...], target: Path) -> None:
    """Copy the package folders of `variants`, and the build contexts of all images, to `target`.

    `--wheelhouse` takes that folder; the build contexts are for the rendered Dockerfiles.
    """
    names = ["bootstrap", "debhouse", *(f"wheelhouse/{variant}" for variant in variants)]
    for name in names:
        source = inputs.folder(name)
        if not (source / "manifest.json").exists():
            continue
        copy = target / name
        await anyio.to_thread.run_sync(_copy, source, copy)
    directory = inputs.workspace.directory
    for folder, image in by_folder(inputs.workspace.stack.images).items():
        await anyio.to_thread.run_sync(write_context, directory, image, target / FILES / folder)


def _copy(source: Path, target: Path) -> None:
    partial = target.with_name(f".{target.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
