"""One container of a local image, run by runc: read-only root, no capabilities, no network, its own user."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.engines.buildah.commands import Buildah
from ci.engines.buildah.find_storage import find_storage
from ci.engines.process.command import Command
from ci.engines.process.privilege import find_privilege
from ci.settings import Settings
from tests.hang import HANG_S


def run(command: Command) -> str:
    return subprocess.run(command.argv, check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """An OCI bundle of a mounted image."""

    folder: Path
    config: dict[str, Any]


def buildah(settings: Settings) -> Buildah:
    privilege = find_privilege()
    storage = find_storage(settings.store, privilege.prefix, os.environ)
    return Buildah(privilege=privilege, storage=storage, tmpdir=str(settings.tmpdir))


@contextmanager
def mounted(settings: Settings, image: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Give the root file system of `image` and its config; both go afterwards."""
    engine = buildah(settings)
    config = json.loads(run(engine.inspect(image)))["OCIv1"]["config"]
    container = run(engine.start(image)).strip()
    prefix = (*engine.privilege.prefix, "buildah", *engine.storage.options)
    try:
        yield Path(run(Command(argv=(*prefix, "mount", container))).strip()), config
    finally:
        run(Command(argv=(*prefix, "rm", container)))


def spec(
    root: Path, config: Mapping[str, Any], args: Sequence[str], mounts: Mapping[Path, str]
) -> dict[str, Any]:
    """Return an OCI runtime spec. Source: OCI runtime-spec 1.0, config.md and config-linux.md."""
    uid, _, gid = str(config["User"]).partition(":")
    kinds = ("pid", "ipc", "uts", "mount", "network")
    binds = [
        {"destination": target, "source": str(source), "type": "bind", "options": ["rbind", "rw"]}
        for source, target in mounts.items()
    ]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": int(uid), "gid": int(gid)},
            "args": list(args),
            "env": list(config["Env"]),
            "cwd": config.get("WorkingDir") or "/",
            "capabilities": {},
            "noNewPrivileges": True,
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        },
        "root": {"path": str(root), "readonly": True},
        "hostname": "stage",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["mode=755", "size=65536k"],
            },
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["mode=1777"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},
            *binds,
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in kinds],
            "maskedPaths": ["/proc/kcore", "/proc/keys"],
            "readonlyPaths": ["/proc/sys"],
        },
    }


def run_container(
    settings: Settings,
    image: str,
    args: Sequence[str],
    mounts: Mapping[Path, str],
    folder: Path,
    *,
    entrypoint: Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the image's entrypoint, or `entrypoint` behind its tini, with `args`."""
    with mounted(settings, image) as (root, config):
        own = list(config["Entrypoint"])
        argv = [*own[:2], *entrypoint] if entrypoint is not None else own
        value = spec(root, config, [*argv, *args], mounts)
        value["process"]["env"] += [f"{name}={text}" for name, text in (env or {}).items()]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(value))
        name = f"dockwright-{uuid.uuid4().hex[:12]}"
        return subprocess.run(
            (*find_privilege().prefix, "runc", "run", "--bundle", str(folder), name),
            capture_output=True,
            text=True,
            timeout=HANG_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
