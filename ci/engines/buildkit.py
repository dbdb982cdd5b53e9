"""Docker's BuildKit: a client that can build with it, and what it prints.

Facts of Docker, found by running it: a client from 23 on has no BuildKit of its own and needs the plugin
buildx, so a client that has neither is passed over for another one of this machine.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

DEBIAN_BIN = "/usr/bin"
"""Where Debian's docker.io has its client, whatever the search path says."""
OWN_BUILDKIT = 23
"""Clients of earlier major versions build with BuildKit by themselves. Source: Docker 23.0 release notes."""
PROBE_S = 10.0
_STEP = re.compile(r"#\d+ \[(?:\S+ )?(\d+/\d+)\] (.*)")


def find_client(program: str) -> str:
    """Return what to start for `program`: for Docker the first client that can build with BuildKit.

    Where none can, it is the first one of the search path, so that the user sees its own error. It starts
    child processes.
    """
    if program != "docker":
        return program
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), DEBIAN_BIN]
    paths = [Path(folder, program) for folder in dict.fromkeys(folders)]
    return next((str(path) for path in paths if path.exists() and _builds(str(path))), program)


def _builds(path: str) -> bool:
    version = re.search(r"version (\d+)", _output_of(path, "--version"))
    return version is not None and (
        int(version[1]) < OWN_BUILDKIT or _output_of(path, "buildx", "version") != ""
    )


def _output_of(*argv: str) -> str:
    """Return what a short command prints, empty where it fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=PROBE_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def as_step(line: str) -> str:
    """Return BuildKit's line `#5 [start 2/4] RUN …` in the form of Buildah and Podman: `STEP 2/4: RUN …`."""
    found = _STEP.match(line)
    return f"STEP {found[1]}: {found[2]}" if found else line
