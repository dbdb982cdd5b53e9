"""Facts that take time to find out: a program's version, a server, a container that runs."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar

from ci.cli.doctor.machine import Trial
from ci.engines.buildah.find_storage import find_storage
from ci.engines.buildah.isolation import Isolation
from ci.engines.buildah.storage import Storage
from ci.errors import EngineError
from ci.redaction import redacted

HEADERS = {"User-Agent": "dockwright-doctor"}

T = TypeVar("T")
HOST_S = 2.0
"""Time limit for an answer of a server."""
PROGRAM_S = 10.0
"""Time limit for a program."""
STATIC = ("/sbin/ldconfig.real", "/sbin/ldconfig")
"""A program that every Debian and Ubuntu has and that needs no library: it runs in an empty container."""


def answers_all(questions: Mapping[str, Callable[[], T | None]]) -> dict[str, T | None]:
    """Ask all questions at once and return their answers; None for one that takes over `PROGRAM_S`."""
    found: dict[str, T | None] = dict.fromkeys(questions)

    def ask(name: str, question: Callable[[], T | None]) -> None:
        found[name] = question()

    # A name server that is silent can't be interrupted, so the threads end with the program.
    threads = [threading.Thread(target=ask, args=pair, daemon=True) for pair in questions.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PROGRAM_S)
    return dict(found)


def version_of(argv: tuple[str, ...]) -> str | None:
    """Return the version that a program prints first; None where it is missing or fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=PROGRAM_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split()
    if done.returncode != 0 or not words:
        return None
    return next((word for word in words if word[0].isdigit()), words[-1]).rstrip(",")


def ask_host(url: str) -> str:
    """Return why the server of `url` does not answer; empty if it does, with any status."""
    if not url.startswith(("http://", "https://")):
        return "not a URL of http or https"
    try:
        # urllib takes a user for a part of the host
        request = urllib.request.Request(redacted(url), method="HEAD", headers=HEADERS)  # noqa: S310
        with urllib.request.urlopen(request, timeout=HOST_S):  # noqa: S310 checked above
            return ""
    except urllib.error.HTTPError:
        return ""
    except (OSError, ValueError, HTTPException) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__


def try_run(
    place: Path, privilege: tuple[str, ...], pid_namespace: tuple[str, ...], isolation: Isolation
) -> Trial:
    """Run a program as a build step runs, in an empty container; its store is removed afterwards.

    The store is in the folder `place`: which storage driver works depends on the file system.
    """

    def result(storage: Storage | None, error: str) -> Trial:
        return Trial(
            storage=storage,
            error=error,
            runtime=isolation.runtime,
            why_chroot=isolation.why_chroot,
            sees_processes=not pid_namespace and not isolation.runtime,
            why_root=_user_namespace_error((*privilege, *isolation.namespaces(network=False))),
        )

    tool = next((path for path in STATIC if _is_static(Path(path))), None)
    with tempfile.TemporaryDirectory(prefix="dockwright-doctor-", dir=place) as folder:
        roots = ("--root", f"{folder}/store", "--runroot", f"{folder}/run")
        buildah, storage = (*privilege, "buildah", *roots), None
        try:
            storage = find_storage(roots, privilege, os.environ)
            buildah = (*privilege, "buildah", *storage.options)
            if tool is None:
                error = "no statically linked program was found to try it with"
                return result(storage, error)
            container = _out((*buildah, "from", *isolation.profile(), "scratch"))
            _out((*buildah, "copy", container, tool, "/tool"))
            before = (*privilege, *pid_namespace, *isolation.namespaces(network=False))
            words = ("run", *isolation.options(network=False), container, "/tool", "-V")
            _out((*before, *buildah[len(privilege) :], *words))
            return result(storage, "")
        except (RuntimeError, EngineError) as error:
            return result(storage, str(error))
        finally:
            # Its files may belong to other users, and its layers be mounted.
            subprocess.run((*buildah, "rm", "--all"), capture_output=True, check=False)
            subprocess.run((*privilege, "rm", "-rf", f"{folder}/store", f"{folder}/run"), check=False)


def _user_namespace_error(before: tuple[str, ...]) -> str:
    try:
        _out((*before, "unshare", "--user", "--mount", "true"))
    except (RuntimeError, OSError) as error:
        return str(error)
    return ""


def _is_static(path: Path) -> bool:
    """Return whether a program asks for no interpreter. Source: ELF, PT_INTERP names it by path."""
    try:
        head = path.read_bytes()[:4096]
    except OSError:
        return False
    return head.startswith(b"\x7fELF") and b"/ld-linux" not in head


def _out(argv: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=PROGRAM_S)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"`{' '.join(argv)}` took over {PROGRAM_S:.0f} s") from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip() and "exit status" not in line]
        raise RuntimeError(lines[-1] if lines else f"`{' '.join(argv)}` ended with {done.returncode}")
    return done.stdout.strip()
