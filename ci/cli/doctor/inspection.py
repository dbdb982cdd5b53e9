"""Inspecting this machine: programs, rights, disks, daemons, servers in reach. Nothing is changed."""

from __future__ import annotations

import getpass
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from ci.cli.doctor.dagger_probe import ask_dagger
from ci.cli.doctor.machine import Host, Machine, Rights, Trial
from ci.cli.doctor.probe import answers_all, ask_host, try_run, version_of
from ci.cli.setup.debian import ENGINE, is_here, missing, search_path
from ci.engines.buildah.runtime import find_isolation
from ci.engines.network import CA_VARIABLES, PROXY_VARIABLES
from ci.engines.process.namespaces import pid_namespace
from ci.engines.process.privilege import find_privilege
from ci.errors import EngineError
from ci.run.estimate.disk import file_systems, run_folders, store_folder
from ci.settings import Settings

WINDOWS = os.name == "nt"
VERSIONS = {
    name: (name, "--version") for name in ("uv", "buildah", "runc", "skopeo", "mmdebstrap", "apt-ftparchive")
}
DAEMONS = {
    "podman": ("podman", "info", "--format", "{{.Version.Version}}"),
    "docker": ("docker", "info", "--format", "{{.ServerVersion}}"),
}


def inspect_machine(settings: Settings, urls: Mapping[str, str]) -> Machine:
    """Return the facts of this machine; `urls` are servers to try, by what they serve."""
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
        trial = _trial(settings)
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
        unwritable=_unwritable(settings),
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
            Host(what=what, url=url, error="no answer" if error is None else error)
            for what, url in urls.items()
            for error in (slow[f"host {what}"],)
        ),
    )


def _trial(settings: Settings) -> Trial:
    """Return the result of a build step on this machine."""
    prefix = find_privilege().prefix
    namespace = pid_namespace(prefix)
    try:
        isolation = find_isolation(settings.isolation, prefix, namespace)
        return try_run(_place(settings), prefix, namespace, isolation)
    except EngineError as error:
        return Trial(storage=None, error=error.message)


def _unwritable(settings: Settings) -> tuple[str, ...]:
    """Return the folders that dockwright itself writes to and can't."""
    found = []
    for folder in (settings.state, settings.tmpdir):
        nearest = next(one for one in (folder, *folder.parents) if os.path.lexists(one))
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            found.append(str(folder))
    return tuple(found)


def _place(settings: Settings) -> Path:
    """Return the folder nearest to the store that this user can write to."""
    folder = store_folder(settings)
    return next(
        (one for one in (folder, *folder.parents) if os.access(one, os.W_OK)), Path(tempfile.gettempdir())
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
