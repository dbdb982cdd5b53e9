"""The file systems that a run writes to: which place lies on which, and what is free there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ci.run.estimate.file_system import FileSystem, Where
from ci.settings import Settings

WINDOWS = os.name == "nt"


def places(settings: Settings, *, engine: str = "buildah") -> dict[Where, Path]:
    """Return where a run writes; the store of an engine that is a daemon is not known, so it is left out."""
    if engine != "buildah":
        return {"state": settings.state}
    return {
        "store": store_folder(settings),
        "temporary files": settings.tmpdir,
        "state": settings.state,
    }


def daemon_folders() -> dict[Where, Path]:
    """Return where Docker keeps what it has, if it is here. Source: dockerd(8), `data-root`."""
    folder = Path("/var/lib/docker")
    return {"daemon": folder} if folder.is_dir() else {}


def store_folder(settings: Settings) -> Path:
    """Return where Buildah keeps layers. Source: containers-storage.conf(5), `graphroot`."""
    if settings.root is not None:
        return settings.root.absolute() / "store"
    if not WINDOWS and os.geteuid() == 0:
        return Path("/var/lib/containers/storage")
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    return Path(data) / "containers/storage"


def file_systems(places: Mapping[Where, Path]) -> tuple[FileSystem, ...]:
    """Return each file system that `places` lie on, once; a place that is not there yet counts by its parent.

    Free is what a user without root's reserve can write.
    """
    found: dict[int, FileSystem] = {}
    for where, path in places.items():
        there = next(folder for folder in (path, *path.parents) if folder.exists())
        device = there.stat().st_dev
        usage = shutil.disk_usage(there)
        old = found.get(device)
        found[device] = FileSystem(
            device=device,
            path=old.path if old else path,
            holds=(*(old.holds if old else ()), where),
            free_bytes=usage.free,
            used_bytes=usage.used,
        )
    return tuple(found.values())


def fetched(kept: Path) -> frozenset[str]:
    """Return the sha256 of each file fetched into the folder `kept`, where that is its name."""
    return frozenset(path.name for path in kept.iterdir()) if kept.is_dir() else frozenset()
