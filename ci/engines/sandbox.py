"""What a checked program may reach on this machine: the words of program/confine.py. Pure."""

from __future__ import annotations

from typing import Any

from ci.engines.engine import SandboxedProgram
from ci.engines.gpu import Gpu

APART = ("unshare", "--net", "--ipc", "--uts", "--mount", "--")
"""Namespaces that program/confine.py is started in."""
CLOSES = "read-only root, no capabilities, no network, the image's user"


def sandbox_config(closed: SandboxedProgram, gpu: Gpu | None) -> dict[str, Any]:
    """Return what program/confine.py is told of a program, without where its image is.

    Its environment is the image's own; of this machine it gets nothing but what is mounted, and the devices
    and the driver's files of `gpu`.
    """
    inner: dict[str, Any] = closed.config.get("config") or {}
    env = dict(text.partition("=")[::2] for text in inner.get("Env") or ())
    binds = [[str(what), path] for what, path, _ in closed.mounts]
    devices: list[list[str]] = []
    if gpu is not None:
        binds += [[str(here), there] for here, there in (*gpu.libraries, *gpu.programs)]
        devices = [[str(here), there] for here, there in gpu.devices]
    return {
        "argv": list(closed.argv),
        "env": env,
        "cwd": str(inner.get("WorkingDir") or "/"),
        "user": str(inner.get("User") or ""),
        "binds": binds,
        "devices": devices,
    }
