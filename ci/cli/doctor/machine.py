"""This machine as facts: programs, rights, disks, daemons, hosts in reach. Looks, and changes nothing."""

from __future__ import annotations

import getpass
import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from ci.cli.doctor.dagger_probe import DaggerAnswer, ask_dagger
from ci.cli.doctor.probe import Trial, answers_all, ask_host, try_run, version_of
from ci.cli.setup.debian import ENGINE, is_here, missing, search_path
from ci.engines.network import CA_VARIABLES, PROXY_VARIABLES
from ci.engines.process.privilege import find_privilege
from ci.errors import EngineError
from ci.run.estimate.disk import file_systems, run_folders
from ci.run.estimate.file_system import FileSystem
from ci.settings import Settings

Rights = Literal["root", "sudo", "asks", "rootless", "none"]

WINDOWS = os.name == "nt"
VERSIONS = {
    name: (name, "--version") for name in ("uv", "buildah", "runc", "skopeo", "mmdebstrap", "apt-ftparchive")
}
DAEMONS = {
    "podman": ("podman", "info", "--format", "{{.Version.Version}}"),
    "docker": ("docker", "info", "--format", "{{.ServerVersion}}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A place on the network; `fault` is empty when it answered in time."""

    what: str
    url: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What was found.

    Attributes:
        programs: what each of `VERSIONS` prints as its version; absent ones have no entry.
        daemons: the version of each of `DAEMONS` that answers, None where only its program is there.
        dagger: what became of looking for a Dagger engine; None where nothing here names one.
        missing: Debian packages that the embedded engine lacks.
        rights: how its commands get root's rights; `asks` is sudo with a password; None on Windows.
        subuids: how many subordinate user ids the user has.
        trial: what became of a run in an empty container without a network; None where it was not tried.
        ca: (variable, path, whether that is a file) of each certificate variable that is set.
        proxies: (variable, host) of each proxy variable that is set.
    """

    python: str
    system: str
    cores: int
    memory_bytes: int
    programs: Mapping[str, str]
    daemons: Mapping[str, str | None]
    dagger: DaggerAnswer | None
    missing: tuple[str, ...]
    has_apt: bool
    user: str
    rights: Rights | None
    subuids: int
    trial: Trial | None
    disks: tuple[FileSystem, ...]
    ca: tuple[tuple[str, str, bool], ...]
    proxies: tuple[tuple[str, str], ...]
    hosts: tuple[Host, ...]


def look(settings: Settings, urls: Mapping[str, str]) -> Machine:
    """Return the facts of this machine; each of `urls`, by what is there, is asked for an answer."""
    os.environ["PATH"] = search_path()
    user = getpass.getuser()
    rights = _rights()
    programs = answers_all({name: partial(version_of, argv) for name, argv in VERSIONS.items()})
    questions: dict[str, Callable[[], str | None]] = {
        **{f"daemon {name}": partial(version_of, argv) for name, argv in DAEMONS.items()},
        **{f"host {what}": partial(ask_host, url) for what, url in urls.items()},
    }
    slow = answers_all(questions)
    trial = None
    if programs["buildah"] is not None and rights in ("root", "sudo", "rootless"):
        trial = try_run(settings, find_privilege().prefix)
    return Machine(
        python=f"{platform.python_version()}, {sys.executable}",
        system=_system(),
        cores=os.cpu_count() or 1,
        memory_bytes=_memory_bytes(),
        programs={name: version for name, version in programs.items() if version is not None},
        daemons={name: slow[f"daemon {name}"] for name in DAEMONS if shutil.which(name)},
        dagger=ask_dagger(os.environ),
        missing=missing(ENGINE, is_here),
        has_apt=shutil.which("apt-get") is not None,
        user=user,
        rights=rights,
        subuids=_subuids(user),
        trial=trial,
        disks=file_systems(run_folders(settings)),
        ca=tuple(
            (name, os.environ[name], Path(os.environ[name]).is_file())
            for name in CA_VARIABLES
            if os.environ.get(name)
        ),
        proxies=tuple(
            (name, urlsplit(os.environ[name]).hostname or os.environ[name])
            for name in PROXY_VARIABLES
            if os.environ.get(name)
        ),
        hosts=tuple(
            Host(what=what, url=url, fault="no answer" if fault is None else fault)
            for what, url in urls.items()
            for fault in (slow[f"host {what}"],)
        ),
    )


def _memory_bytes() -> int:
    """Return the memory of this machine; 0 where the system does not say."""
    if WINDOWS:
        return 0
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _rights() -> Rights | None:
    if WINDOWS:
        return None
    try:
        privilege = find_privilege()
    except EngineError:
        return "asks" if shutil.which("sudo") else "none"
    if not privilege.prefix:
        return "root"
    return "rootless" if privilege.rootless else "sudo"


def _subuids(user: str) -> int:
    """Return how many ids /etc/subuid gives `user`. Source: subuid(5), `name:first:count`."""
    try:
        rows = [line.split(":") for line in Path("/etc/subuid").read_text().splitlines()]
    except OSError:
        return 0
    return sum(int(row[2]) for row in rows if len(row) == 3 and row[0] == user and row[2].isdigit())


def _system() -> str:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        name = platform.system()
    return f"{name}, {platform.machine()}"
