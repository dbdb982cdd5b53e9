"""The file systems that a run writes to, with their free space."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ci.engines.local_store import default_root
from ci.run.estimate.file_system import FileSystem, Where
from ci.settings import Settings

WINDOWS = os.name == "nt"


def run_folders(settings: Settings, *, store: bool = True) -> dict[Where, Path]:
    """Return the folders that a run writes to; those of the store where the engine has it on this machine."""
    if not store:
        return {"state": settings.state}
    return {
        "store": store_folder(settings),
        "temporary files": settings.tmpdir,
        "state": settings.state,
    }


def daemon_folders() -> dict[Where, Path]:
    """Return the folder of Docker's files, if it exists. Source: dockerd(8), `data-root`."""
    folder = Path("/var/lib/docker")
    return {"daemon": folder} if folder.is_dir() else {}


def store_folder(settings: Settings) -> Path:
    """Return the folder of Buildah's layers. Source: containers-storage.conf(5), `graphroot`."""
    if settings.root is not None:
        return settings.root.absolute() / "store"
    return Path(default_root(os.environ, rootless=WINDOWS or os.geteuid() != 0))


def file_systems(folders: Mapping[Where, Path]) -> tuple[FileSystem, ...]:
    """Return each file system of `folders` once; a missing folder counts by its nearest parent.

    Free space is what a user without root's reserve can write.
    """
    found: dict[int, FileSystem] = {}
    for where, path in folders.items():
        existing = next(folder for folder in (path, *path.parents) if folder.exists())
        device = existing.stat().st_dev
        usage = shutil.disk_usage(existing)
        old = found.get(device)
        found[device] = FileSystem(
            device=device,
            path=old.path if old else path,
            used_for=(*(old.used_for if old else ()), where),
            free_bytes=usage.free,
            used_bytes=usage.used,
        )
    return tuple(found.values())


def fetched(store: Path) -> frozenset[str]:
    """Return the sha256 of each file in the content store, which is its name there."""
    return frozenset(path.name for path in store.iterdir()) if store.is_dir() else frozenset()
