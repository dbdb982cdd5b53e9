"""Which OCI runtime works on this machine, found by running a program with each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ci.engines.buildah.isolation import Isolation
from ci.engines.capabilities import OCI_RUNTIMES
from ci.errors import EngineError

PROBE_S = 20.0
OF_PROGRAMS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "nix", "gnu")
"""Folders of this machine that a program of its own needs, where they exist."""


def find_isolation(
    setting: str, privilege: tuple[str, ...] = (), pid_namespace: tuple[str, ...] = ()
) -> Isolation:
    """Return how build steps are isolated here; `setting` is `auto`, `oci` or `chroot`.

    `privilege` and `pid_namespace` are put before every command of the engine.

    Raises:
        EngineError: `oci` was asked for, and no runtime works.
    """
    if setting == "chroot":
        return Isolation()
    errors: dict[str, str] = {}
    for runtime in OCI_RUNTIMES:
        errors[runtime] = _error(runtime, privilege, pid_namespace)
        if not errors[runtime]:
            return Isolation(runtime=runtime)
    why = "; ".join(f"{runtime} {error}" for runtime, error in errors.items())
    if setting == "oci":
        raise EngineError(f"DOCKWRIGHT_ISOLATION=oci: no OCI runtime works here: {why}")
    return Isolation(why_chroot=why)


@cache
def _error(runtime: str, privilege: tuple[str, ...], pid_namespace: tuple[str, ...]) -> str:
    """Return why `runtime` can't run a program as Buildah would have it run; empty where it can."""
    if shutil.which(runtime) is None:
        return "is not installed"
    with tempfile.TemporaryDirectory(prefix="dockwright-runtime-") as folder:
        bundle = Path(folder)
        (bundle / "rootfs").mkdir()
        (bundle / "config.json").write_text(json.dumps(probe_config(os.environ)))
        before = (*privilege, *pid_namespace, *Isolation().namespaces(network=False))
        words = ("--root", f"{folder}/state", "run", "--bundle", folder, bundle.name)
        try:
            done = subprocess.run(
                (*before, runtime, *words),
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                check=False,
                timeout=PROBE_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"can't be tried: {error}"
        finally:
            # what it made as another user
            argv = (*privilege, "rm", "-rf", "--one-file-system", "--", f"{folder}/state", f"{folder}/rootfs")
            subprocess.run(argv, check=False)
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return "" if done.returncode == 0 else f"fails: {lines[-1] if lines else done.returncode}"


def probe_config(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the configuration of a container that runs `true` of this machine, as little as a step may.

    Source: OCI runtime-spec 1.0, config; the mounts are those of Buildah 1.28.
    """
    folders = [f"/{name}" for name in OF_PROGRAMS if Path("/", name).is_dir()]
    kinds = ("pid", "network", "ipc", "mount")
    bind = {"type": "bind", "options": ["rbind", "ro"]}
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["true"],
            "env": [f"PATH={environ.get('PATH', os.defpath)}"],
            "cwd": "/",
            "capabilities": {},
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs"},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "ro"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue"},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
            *({"destination": folder, "source": folder, **bind} for folder in folders),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in kinds],
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "maskedPaths": ["/proc/kcore"],
            "readonlyPaths": ["/proc/sys"],
        },
    }
