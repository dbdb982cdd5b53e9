"""Run a command in namespaces of its own: `namespaces.py [OPTION…] -- COMMAND…`. Standard library only.

The command is Buildah, which runs foreign code in build steps. From here on neither sees the machine's shared
memory, its host name, or its devices: /dev has only the usual ones. There is no network but 127.0.0.1, which
is up, and /etc/hosts and /etc/resolv.conf name nothing of the machine; with the option `--network` it is the
machine's. With `--shm` /dev/shm is the machine's too. Nothing that it starts gets more rights by a
set-user-id program. `FILES` has what Buildah gives to its steps:

    hosts         localhost alone
    empty         an empty folder, to hide another one
    tmp           for temporary files of Buildah whose path has to be short
    seccomp.json  the system calls of a step; see seccomp.py

It ends as the command does, whose process it becomes, or with 125 if the namespaces could not be made, and
prints the reason on standard error.

Source: unshare(2), mount_namespaces(7), prctl(2).
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

if not __package__:
    # started as a program, it has no package; -I leaves this folder out of the search path
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .seccomp import step_profile
from .system_calls import LIBC, call, mount, raise_loopback

FILES = Path("/dev/dockwright")
PROFILES = (Path("/etc/containers/seccomp.json"), Path("/usr/share/containers/seccomp.json"))
"""Where the machine's profile is, the first that exists. Source: containers/common, pkg/seccomp."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "fuse")
"""The last one is for fuse-overlayfs, which Buildah may start."""
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1"} | {
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
HOST_NAME = b"localhost"
NOT_MADE, NOT_STARTED = 125, 127
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET = 0x20000, 0x4000000, 0x8000000, 0x40000000
MS_NOSUID, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 8, 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS = 38


def private_devices(*, shm: bool) -> None:
    """Put another folder over /dev, with the usual devices, terminals of its own, and `FILES`.

    `shm` keeps the machine's /dev/shm, where somebody's store may be.
    """
    dev, new = Path("/dev"), Path("/dev/pts")  # what is mounted there is hidden, and then below the new /dev
    kept = os.open("/dev/shm", os.O_PATH)  # noqa: S108
    mount("tmpfs", new, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755")
    for name in DEVICES:
        if (dev / name).exists():
            (new / name).touch()
            mount(str(dev / name), new / name, flags=MS_BIND)
    for name, target in LINKS.items():
        (new / name).symlink_to(target)
    for name in ("pts", "shm", "mqueue", FILES.name):
        (new / name).mkdir()
    mount("devpts", new / "pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
    if shm:
        mount(f"/proc/self/fd/{kept}", new / "shm", flags=MS_BIND | MS_REC)
    else:
        mount("shm", new / "shm", "tmpfs", MS_NOSUID, "mode=1777")
    os.close(kept)
    mount(str(new), dev, flags=MS_BIND | MS_REC)


def write_files(profile: dict[str, Any]) -> None:
    """Fill the folder `FILES`."""
    for name in ("empty", "tmp"):
        (FILES / name).mkdir()
    (FILES / "hosts").write_text(HOSTS)
    (FILES / "resolv.conf").touch()
    (FILES / "seccomp.json").write_text(json.dumps(profile))


def hide_names() -> None:
    """Hide the names that the machine knows for its network, and its servers for them."""
    for name in ("hosts", "resolv.conf"):
        if Path("/etc", name).exists():
            mount(str(FILES / name), Path("/etc", name), flags=MS_BIND)


def machine_profile() -> dict[str, Any] | None:
    """Return the machine's profile, None where it has none."""
    found = next((path for path in PROFILES if path.is_file()), None)
    return json.loads(found.read_text()) if found is not None else None


def enter(*, network: bool, shm: bool) -> None:
    """Make the namespaces and enter them."""
    kinds = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | (0 if network else CLONE_NEWNET)
    call("unshare", LIBC.unshare(kinds))
    mount("none", Path("/"), flags=MS_REC | MS_PRIVATE)
    call("sethostname", LIBC.sethostname(HOST_NAME, len(HOST_NAME)))
    private_devices(shm=shm)
    write_files(step_profile(machine_profile()))
    if not network:
        hide_names()
        raise_loopback()
    call("prctl", LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def become(argv: list[str]) -> NoReturn:
    """Become the command `argv`."""
    try:
        os.execvp(argv[0], argv)  # noqa: S606 what is run is what was asked for
    except OSError as error:
        print(f"can't be started: {error.strerror}: {argv[0]}", file=sys.stderr, flush=True)
        raise SystemExit(NOT_STARTED) from None


def main(arguments: list[str]) -> NoReturn:
    """Enter the namespaces and become the command."""
    start = arguments.index("--")
    options, argv = arguments[:start], arguments[start + 1 :]
    try:
        enter(network="--network" in options, shm="--shm" in options)
    except (OSError, ValueError, KeyError) as error:
        print(f"namespaces for build steps can't be made: {error}", file=sys.stderr, flush=True)
        raise SystemExit(NOT_MADE) from None
    become(argv)


if __name__ == "__main__":
    main(sys.argv[1:])
