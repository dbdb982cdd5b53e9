"""What a sandboxed program may reach on this machine: the specification for program/sandbox.py. Pure."""

from __future__ import annotations

from typing import Any

from ci.engines.engine import SandboxedProgram
from ci.engines.gpu import Gpu

NAMESPACES = ("unshare", "--net", "--ipc", "--uts", "--mount", "--")
"""Namespaces that program/sandbox.py is started in."""


def sandbox_config(program: SandboxedProgram, gpu: Gpu | None) -> dict[str, Any]:
    """Return the specification of a program for program/sandbox.py, but for the location of its image.

    Its environment is the image's own; from this machine it sees only what is mounted, and the devices and
    the driver's files of `gpu`.
    """
    inner: dict[str, Any] = program.config.get("config") or {}
    env = dict(text.partition("=")[::2] for text in inner.get("Env") or ())
    binds = [[str(what), path] for what, path, _ in program.mounts]
    devices: list[list[str]] = []
    if gpu is not None:
        binds += [[str(here), there] for here, there in (*gpu.libraries, *gpu.programs)]
        devices = [[str(here), there] for here, there in gpu.devices]
    return {
        "argv": list(program.argv),
        "env": env,
        "cwd": str(inner.get("WorkingDir") or "/"),
        "user": str(inner.get("User") or ""),
        "binds": binds,
        "devices": devices,
    }
