"""How this user gets the rights that the engine needs."""

from __future__ import annotations

import os
import shutil
import subprocess

from ci.errors import EngineError


def privilege() -> tuple[str, ...]:
    """Return what is put before the engine's commands: nothing as root, `sudo -n`, or `buildah unshare`.

    Raises:
        EngineError: none of them works here.
    """
    if os.geteuid() == 0:
        return ()
    if (
        shutil.which("sudo")
        and subprocess.run(("sudo", "-n", "true"), capture_output=True, check=False).returncode == 0
    ):
        return ("sudo", "-n")
    rootless = ("buildah", "unshare")
    if (
        shutil.which("buildah")
        and subprocess.run((*rootless, "true"), capture_output=True, check=False).returncode == 0
    ):
        return rootless
    raise EngineError(
        "building needs root, sudo or rootless Buildah, and none works for this user: run `sudo -v`, or "
        "as root `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER`"
    )
