"""A machine as facts: what `doctor` found, and its diagnosis is made from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ci.engines.buildah.storage import Storage
from ci.engines.dagger.cache import CacheLimits
from ci.run.estimate.file_system import FileSystem

Rights = Literal["root", "sudo", "asks", "rootless", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The result of a run in an empty container, as a build step runs; `error` is empty if it ran.

    Attributes:
        storage: a store of Buildah here, with its storage driver; None where it could not be asked.
        runtime: the OCI runtime that isolates build steps; empty: chroot isolation.
        why_chroot: why no runtime can be used; empty where one is, or where none was wanted.
        sees_processes: whether a build step sees the processes of the whole machine.
        why_root: why a bootstrap base can't be made in a user namespace; empty where it can.
    """

    storage: Storage | None
    error: str
    runtime: str = ""
    why_chroot: str = ""
    sees_processes: bool = False
    why_root: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaggerAnswer:
    """Whether a Dagger engine can be used.

    Attributes:
        error: why it can't be used, empty where it can.
        limits: those of its cache; None where it was not asked.
    """

    error: str = ""
    limits: CacheLimits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A server on the network; `error` is empty if it answered in time."""

    what: str
    url: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The facts of one machine.

    Attributes:
        programs: the version of each installed program, by its name.
        daemons: the version of each container daemon that answers, None where only its program is installed.
        dagger: whether a Dagger engine can be used; None where nothing here names one.
        missing: Debian packages that the embedded engine lacks.
        rights: how the engine's commands get root's rights; `asks` is sudo with a password; None on Windows.
        subuids: how many subordinate user ids the user has.
        trial: the result of a run in an empty container without network; None where it was not tried.
        ca: (variable, path, whether that is a file) of each certificate variable that is set.
        unwritable: folders that a run writes to, and that this user can't make or write to.
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
    unwritable: tuple[str, ...] = ()
