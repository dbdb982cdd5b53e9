"""What a machine's facts mean for its user: what works, what does not, what to type. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from ci.cli.doctor.machine import Machine, Trial
from ci.engines.buildah.storage import Storage
from ci.report.units import size_text
from ci.run.estimate.needs import Estimate

GB = 10**9
MEMORY_GB = 4
HINT_DISK = "`dockwright gc` lists what can be removed; `--root DIR` uses another disk"
FOLDERS = "folders"
BOOTSTRAP = ("mmdebstrap", "apt-ftparchive")
"""Programs that make a base of Debian packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the answer: `ok`, worth a `note`, or `bad`; `hint` is what to type.

    An `engine` that is `ok` can build here.
    """

    name: str
    state: Literal["ok", "note", "bad"]
    message: str
    hint: str = ""
    engine: bool = False


def diagnose(machine: Machine, needs: Mapping[str, Estimate]) -> tuple[Finding, ...]:
    """Return what is worth knowing about `machine`, engines first.

    `needs` is what builds of different extent take from nothing, by their name, the smallest first; there are
    none where the stack can't be read.
    """
    return (
        *_buildah(machine),
        *_daemons(machine),
        *_dagger(machine),
        *_rights(machine),
        *_programs(machine),
        *_resources(machine),
        *_folders(machine),
        *_disks(machine, needs),
        *_network(machine),
    )


def can_build(findings: tuple[Finding, ...]) -> bool:
    """Return whether some engine can build here, and write what it needs."""
    writes = not any(finding.name == FOLDERS and finding.state == "bad" for finding in findings)
    return writes and any(finding.engine and finding.state == "ok" for finding in findings)


def _buildah(machine: Machine) -> Iterator[Finding]:
    version = machine.programs.get("buildah")
    if version is None:
        hint = _install(machine, ("buildah",))
        yield Finding(name="buildah", state="bad", message="is not installed", hint=hint, engine=True)
        return
    trial = machine.trial
    if trial is None:
        yield Finding(
            name="buildah",
            state="bad",
            message=f"{version}, but this user can't run it; see rights",
            engine=True,
        )
    elif trial.error:
        yield Finding(
            name="buildah",
            state="bad",
            message=f"{version}, but a container without a network can't run: {trial.error}",
            hint="allow user and network namespaces here (in a container: --privileged), or use Docker",
            engine=True,
        )
    else:
        message = f"{version}; a container runs in an empty network namespace"
        yield Finding(name="buildah", state="ok", message=message, engine=True)
    if trial is not None and trial.storage is not None:
        yield _driver(machine, trial.storage)
    if trial is not None and not trial.error:
        yield _isolation(machine, trial)
        if trial.why_root:
            message = (
                f"a bootstrap base is made as root of this machine, in a folder of its own: {trial.why_root}"
            )
            hint = "allow user namespaces: `sysctl user.max_user_namespaces`"
            yield Finding(name="isolation", state="note", message=message, hint=hint)


def _isolation(machine: Machine, trial: Trial) -> Finding:
    if trial.runtime:
        message = f"each build step runs in a container of {trial.runtime}, with few rights"
        return Finding(name="isolation", state="ok", message=message)
    sees = "all processes here, and can end them" if trial.sees_processes else "Buildah's processes"
    message = f"build steps run by chroot, weaker than a container: a step can't leave it, and sees {sees}"
    if not trial.why_chroot:
        return Finding(name="isolation", state="note", message=message, hint="`unset DOCKWRIGHT_ISOLATION`")
    hint = "" if "runc" in machine.programs else _install(machine, ("runc",))
    return Finding(name="isolation", state="note", message=f"{message}; {trial.why_chroot}", hint=hint)


def _driver(machine: Machine, storage: Storage) -> Finding:
    if not storage.warning:
        return Finding(name="layers", state="ok", message=f"stored by the driver {storage.driver}")
    hint = "use a folder on a file system of this machine's own disk: `--root DIR`"
    if storage.copies_layers and machine.rights == "rootless":
        hint += f"; or {_install(machine, ('fuse-overlayfs',))}"
    return Finding(name="layers", state="note", message=storage.warning, hint=hint)


def _daemons(machine: Machine) -> Iterator[Finding]:
    for name, version in machine.daemons.items():
        if version is None:
            yield Finding(
                name=name,
                state="note",
                message="is installed and does not answer",
                hint=f"start it, if you want to build with it: `systemctl start {name}`",
                engine=True,
            )
        else:
            message = f"{version} answers; `--engine {name}` builds with it"
            yield Finding(name=name, state="ok", message=message, engine=True)


def _dagger(machine: Machine) -> Iterator[Finding]:
    answer = machine.dagger
    if answer is None:
        return
    if answer.error:
        hint = "start it, or build with the embedded engine; docs/dagger.md explains how engines are named"
        yield Finding(name="dagger", state="note", message=answer.error, hint=hint, engine=True)
    elif answer.limits is None:
        message = "an engine would be started, and was not asked; `--engine dagger` builds with it"
        yield Finding(name="dagger", state="ok", message=message)
    else:
        limits = answer.limits
        message = "an engine answers; `--engine dagger` builds with it"
        yield Finding(name="dagger", state="ok", message=message, engine=True)
        if limits.size_warning:
            yield Finding(name="cache", state="note", message=limits.size_warning)
        elif limits.min_free_bytes:
            yield Finding(
                name="cache",
                state="ok",
                message="the Dagger engine empties its own where less than "
                f"{size_text(limits.min_free_bytes)} of its disk are free, whoever fills it",
            )


def _rights(machine: Machine) -> Iterator[Finding]:
    subids = f"as root: `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {machine.user}`"
    match machine.rights:
        case "root":
            yield Finding(name="rights", state="ok", message="root")
        case "sudo":
            yield Finding(name="rights", state="ok", message="sudo, without a password for now")
        case "rootless":
            message = f"rootless Buildah, with {machine.subuids} subordinate ids"
            yield Finding(name="rights", state="ok", message=message)
        case "asks":
            message = "sudo wants a password"
            yield Finding(
                name="rights", state="bad", message=message, hint="`sudo -v` first, in this terminal"
            )
        case "none" if machine.subuids:
            message = "neither root nor sudo, and `buildah unshare` fails"
            yield Finding(
                name="rights", state="bad", message=message, hint="`buildah unshare true` prints why"
            )
        case "none":
            message = f"neither root nor sudo, and {machine.user} has no subordinate ids for rootless Buildah"
            yield Finding(name="rights", state="bad", message=message, hint=subids)
        case None:
            pass
        case _:
            assert_never(machine.rights)


def _programs(machine: Machine) -> Iterator[Finding]:
    yield Finding(name="python", state="ok", message=machine.python)
    uses = {
        "uv": "resolves locks",
        "mmdebstrap": "makes the bootstrap base",
        "apt-ftparchive": "makes the bootstrap base",
        "runc": "isolates build steps",
        "skopeo": "resolves digests of external base images",
    }
    packages = {"apt-ftparchive": "apt-utils"}
    for name, use in uses.items():
        version = machine.programs.get(name)
        if version is not None:
            yield Finding(name=name, state="ok", message=version)
            continue
        hint = "`./dockwright` sets it up" if name == "uv" else _install(machine, (packages.get(name, name),))
        yield Finding(name=name, state="note", message=f"is not installed; it {use}", hint=hint)


def _resources(machine: Machine) -> Iterator[Finding]:
    yield Finding(name="system", state="ok", message=machine.system)
    memory_gb = machine.memory_bytes / GB
    message = f"{machine.cores} cores, {memory_gb:.0f} GB of memory"
    enough = memory_gb >= MEMORY_GB or not machine.memory_bytes
    yield Finding(name="size", state="ok" if enough else "note", message=message)


def _folders(machine: Machine) -> Iterator[Finding]:
    for folder in machine.unwritable:
        hint = "choose a folder that this user can write to: `--root DIR`, or XDG_STATE_HOME"
        yield Finding(name=FOLDERS, state="bad", message=f"{folder} can't be written", hint=hint)


def _disks(machine: Machine, needs: Mapping[str, Estimate]) -> Iterator[Finding]:
    for disk in machine.disks:
        message = f"{size_text(disk.free_bytes)} free at {disk.text}"
        takes = {what: run.peak(disk.used_for) for what, run in needs.items()}
        large = [what for what, size in takes.items() if size > disk.free_bytes]
        if not large:
            yield Finding(name="disk", state="ok", message=message)
            continue
        taken = ", ".join(f"{what} about {size_text(size)}" for what, size in takes.items())
        yield Finding(
            name="disk",
            state="note",
            message=f"{message}; from nothing, {taken}: too little for {large[0]}",
            hint=HINT_DISK if len(large) == len(needs) else "",
        )


def _network(machine: Machine) -> Iterator[Finding]:
    paths = dict.fromkeys(path for _, path, is_file in machine.ca if is_file)
    for path in paths:
        names = ", ".join(name for name, of_name, _ in machine.ca if of_name == path)
        yield Finding(
            name="certificates", state="ok", message=f"{path}, used by everything that downloads ({names})"
        )
    for name, path, is_file in machine.ca:
        if not is_file:
            message = f"{name}={path}: there is no such file"
            yield Finding(
                name="certificates", state="bad", message=message, hint=f"correct it, or `unset {name}`"
            )
    for proxy in dict.fromkeys(proxy for _, proxy in machine.proxies):
        names = ", ".join(name for name, of_name in machine.proxies if of_name == proxy)
        yield Finding(
            name="proxy", state="ok", message=f"{proxy}, used by everything that downloads ({names})"
        )
    for host in machine.hosts:
        if host.error:
            message = f"{host.what} does not answer: {host.url}: {host.error}"
            yield Finding(
                name="network", state="note", message=message, hint=OFFLINE_HINTS.get(host.what, "")
            )
        else:
            yield Finding(name="network", state="ok", message=f"{host.what} answers: {host.url}")


REGISTRY, PYPI, DEBIAN = "the registry of the base", "the Python package index", "Debian's archive"
OFFLINE_HINTS = {
    REGISTRY: "nothing to do: the base is made of Debian packages instead (`--base bootstrap`)",
    PYPI: "set HTTPS_PROXY, or build from a folder that was exported elsewhere: `--wheelhouse DIR`",
    DEBIAN: "set http_proxy or DOCKWRIGHT_DEBIAN_MIRROR, or build from such a folder: `--wheelhouse DIR`",
}


def _install(machine: Machine, packages: tuple[str, ...]) -> str:
    """Return how `packages` come onto this machine."""
    if not machine.has_apt:
        return f"install {', '.join(packages)} with this system's own package tool, or use Docker or Podman"
    if machine.rights in ("root", "sudo"):
        return "`./dockwright build-all` installs it"
    return f"as root: `apt-get install --no-install-recommends {' '.join(packages)}`"
