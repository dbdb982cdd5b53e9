"""How this user gets the rights that Buildah needs, found by trying."""

from __future__ import annotations

import os
import shutil
import subprocess

from ci.engines.process.command import ROOT, Privilege
from ci.errors import EngineError

SUDO = ("sudo", "-n")
ROOTLESS = ("buildah", "unshare")


def find_privilege() -> Privilege:
    """Return the first that works: nothing as root, `sudo -n`, or `buildah unshare`; each is tried.

    Raises:
        EngineError: none of them works here.
    """
    if os.geteuid() == 0:
        return ROOT
    if _works(SUDO):
        return Privilege(prefix=SUDO)
    if _works(ROOTLESS):
        return Privilege(prefix=ROOTLESS, rootless=True)
    raise EngineError(
        "building needs root, sudo or rootless Buildah, and none of them works for this user",
        hint="run `sudo -v`, or as root "
        "`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER`",
    )


def _works(prefix: tuple[str, ...]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    return subprocess.run((*prefix, "true"), capture_output=True, check=False).returncode == 0
