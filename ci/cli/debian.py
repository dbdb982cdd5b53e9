"""The Debian packages that the embedded engine needs: which are missing, and installing them once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from ci.errors import EngineError

ENGINE = {
    "buildah": "buildah",
    "skopeo": "skopeo",
    "runc": "runc",
    "mmdebstrap": "mmdebstrap",
    "apt-ftparchive": "apt-utils",
    "unshare": "util-linux",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}
"""Program, or file, that the engine uses, and the package that has it."""

ROOTLESS = {"newuidmap": "uidmap", "fuse-overlayfs": "fuse-overlayfs"}
"""What a user without root or sudo needs beside it."""

LISTS = Path("/var/lib/apt/lists")
LOCK_TIMEOUT_S = 300
"""How long another apt (such as unattended upgrades) is waited for."""
TAIL_LINES = 15
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian keeps runc; a user's own search path lacks it."""


def missing_packages(needed: Mapping[str, str], has: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the packages of `needed` whose program or file is not there, sorted."""
    return tuple(sorted({package for name, package in needed.items() if not has(name)}))


def is_here(name: str) -> bool:
    """Return whether this machine has a program, or a file named by its whole path."""
    if name.startswith("/"):
        return Path(name).exists()
    return shutil.which(name, path=search_path()) is not None


def search_path() -> str:
    """Return the search path with the folders of the system's own programs."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *SBIN))


def install_missing() -> None:
    """Install what the embedded engine misses here, as root or by sudo, and say so.

    Raises:
        EngineError: packages are missing and can't be installed by this user, or apt failed.
    """
    os.environ["PATH"] = search_path()
    is_root = os.geteuid() == 0
    sudo = None if is_root else shutil.which("sudo")
    needed = ENGINE if is_root or sudo else {**ENGINE, **ROOTLESS}
    packages = missing_packages(needed, is_here)
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise EngineError(
            f"the embedded engine needs {', '.join(packages)}, which dockwright installs on Debian and Ubuntu "
            "alone: install them, or start Docker or Podman and add `--engine docker`"
        )
    if not is_root and sudo is None:
        raise EngineError(
            "Debian packages are missing and this user has neither root nor sudo; as root: "
            f"`apt-get update && {' '.join(install_command(packages))}`"
        )
    _say(f"installing Debian packages, once: {' '.join(packages)}")
    prefix = () if is_root else _sudo()
    if not any(LISTS.glob("*_Packages*")):
        _run((*prefix, "apt-get", "update", "-qq"))
    try:
        _run((*prefix, *install_command(packages)))
    except EngineError:
        _say("that failed; once more with fresh package lists")
        _run((*prefix, "apt-get", "update", "-qq"))
        _run((*prefix, *install_command(packages)))
    still = missing_packages(needed, is_here)
    if still:
        raise EngineError(f"apt-get installed {', '.join(still)}, but what is needed of it is not there")
    _say("installed")


def install_command(packages: Collection[str]) -> tuple[str, ...]:
    """Return the command that installs `packages` and nothing that they only recommend."""
    return (
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "--yes",
        "--quiet",
        "--no-install-recommends",
        "-o",
        f"DPkg::Lock::Timeout={LOCK_TIMEOUT_S}",
        *packages,
    )


def _sudo() -> tuple[str, ...]:
    """Return the prefix of a command that runs as root; a person at a terminal is asked for a password once.

    Raises:
        EngineError: sudo wants a password and nobody can be asked, or the person did not give it.
    """
    if subprocess.run(("sudo", "-n", "true"), capture_output=True, check=False).returncode == 0:
        return ("sudo", "-n")
    if sys.stdin.isatty() and subprocess.run(("sudo", "-v"), check=False).returncode == 0:
        return ("sudo",)
    raise EngineError("sudo wants a password and nobody is here to type it: run `sudo -v` first")


def _run(argv: tuple[str, ...]) -> None:
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-TAIL_LINES:])
        raise EngineError(f"`{' '.join(argv)}` ended with {done.returncode}:\n{tail}")


def _say(text: str) -> None:
    print(f"dockwright: {text}", file=sys.stderr, flush=True)
