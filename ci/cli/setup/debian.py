"""The Debian packages that dockwright needs on this machine: which are missing, and installing them once.

Also read by ci/cli/setup/environment.py, before there is any environment: standard library alone, Python 3.8.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
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
"""What the embedded engine uses, a program or a file, and the package that has it."""

ROOTLESS = {"newuidmap": "uidmap", "fuse-overlayfs": "fuse-overlayfs"}
"""What it uses in addition for a user without root."""

LISTS = Path("/var/lib/apt/lists")
LOCK_TIMEOUT_S = 300
"""How long another apt (such as unattended upgrades) is waited for."""
TAIL_LINES = 15
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian keeps runc; a user's own search path lacks it."""


def missing(needed: Mapping[str, str], has: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the packages of `needed` whose program or file is not there, sorted."""
    return tuple(sorted({package for name, package in needed.items() if not has(name)}))


def is_here(name: str) -> bool:
    """Return whether this machine has a program, or a file that is named by its whole path."""
    if name.startswith("/"):
        return Path(name).exists()
    return shutil.which(name, path=search_path()) is not None


def search_path() -> str:
    """Return the search path with the folders of the system's own programs."""
    found = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*found, *(folder for folder in SBIN if folder not in found)])


def install_engine() -> None:
    """Install what the embedded engine misses here, and say so; the system's programs are found from now on.

    Raises:
        EngineError: packages are missing and can't be installed by this user, or apt failed.
    """
    os.environ["PATH"] = search_path()
    is_root = os.geteuid() == 0
    install(ENGINE if is_root or shutil.which("sudo") else {**ENGINE, **ROOTLESS})


def install(needed: Mapping[str, str]) -> None:
    """Install the packages of `needed` that are missing, as root or by sudo.

    Raises:
        EngineError: they can't be installed by this user, or apt failed.
    """
    packages = missing(needed, is_here)
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise EngineError(
            f"needed and missing: {', '.join(packages)}. dockwright installs them on Debian or Ubuntu alone: "
            "install them, or start Docker or Podman and add `--engine docker`"
        )
    prefix = _rights(packages)
    _say(f"installing Debian packages, once: {' '.join(packages)}")
    if not any(LISTS.glob("*_Packages*")):
        _run((*prefix, "apt-get", "update", "-qq"))
    try:
        _run((*prefix, *install_command(packages)))
    except EngineError:
        _say("that failed; once more with fresh package lists")
        _run((*prefix, "apt-get", "update", "-qq"))
        _run((*prefix, *install_command(packages)))
    still = missing(needed, is_here)
    if still:
        raise EngineError(
            f"apt-get installed {', '.join(still)}, but the program or file that is used is still missing"
        )


def install_command(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command that installs `packages` and nothing that they only recommend."""
    options = ("--yes", "--quiet", "--no-install-recommends", "-o", f"DPkg::Lock::Timeout={LOCK_TIMEOUT_S}")
    return ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", *options, *packages)


def _rights(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the prefix of a command that runs as root; a person at a terminal is asked for a password once.

    Raises:
        EngineError: there is no way to be root here.
    """
    typed = f"as root: `apt-get update && apt-get install --no-install-recommends {' '.join(packages)}`"
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") is None:
        raise EngineError(f"Debian packages are missing, and this user has neither root nor sudo; {typed}")
    if subprocess.run(("sudo", "-n", "true"), capture_output=True, check=False).returncode == 0:
        return ("sudo", "-n")
    if sys.stdin is not None and sys.stdin.isatty():
        _say(f"sudo may ask for your password, to install {' '.join(packages)}")
        if subprocess.run(("sudo", "-v"), check=False).returncode == 0:
            return ("sudo",)
    raise EngineError(
        f"Debian packages are missing, and sudo wants a password: run `sudo -v` first, or {typed}"
    )


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
