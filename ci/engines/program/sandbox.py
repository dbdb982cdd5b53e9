"""Run a program in an image of a store, in a sandbox: `sandbox.py SPEC`. Standard library only, Linux.

It is started with the rights that the store's files need, in namespaces of its own for mounts and network,
and ends by becoming the program, which has the image's file system read-only, an empty /tmp, only the usual
devices, no network but its own 127.0.0.1, no capability, no way to get one, and no system call that looks
into the kernel.

SPEC is a JSON file:

    root, driver  the store; image: the id of an image in it
    scratch       an empty folder on a file system that an overlay may lie on
    argv, env     what is run, and its whole environment but for HOME; cwd: where
    user          `uid:gid` or `name`, as the image's config has it
    binds         [[path here, path in the image], …], read-only
    devices       [[device here, path in the image], …] that the program also sees

It ends with 125 if the sandbox could not be set up, with 127 if the program could not be started, and prints
the reason on standard error.

Source: overlayfs.rst of the kernel; mount_namespaces(7); capabilities(7); prctl(2).
"""

import json
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import Any, NoReturn

if not __package__:
    # started as a program, it has no package; -I leaves this folder out of the search path
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .filter import KERNEL_CALLS, NAMESPACE_CALLS, refuse_calls
from .image_layers import LayerError, layers_of
from .system_calls import LIBC, call, mount, raise_loopback

NO_SANDBOX, NOT_STARTED = 125, 127
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
WRITABLE = ("/tmp", "/dev/shm")  # noqa: S108 of the image, and empty
OPEN_FILES = 4096
TMP_BYTES = 2**30
"""Most that the program can write to each of `WRITABLE`."""
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
"""Source: mount(2), linux/mount.h."""
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
CAPABILITY_VERSION_3 = 0x20080522
"""Source: prctl(2), capset(2), linux/capability.h."""
OF_THE_KERNEL = ("sys", "sysrq-trigger", "irq", "bus", "fs")
"""Entries of /proc of the whole machine that root may write even without any capability."""
LAST_CAPABILITY = Path("/proc/sys/kernel/cap_last_cap")


class SandboxError(Exception):
    """The sandbox could not be set up."""


def mount_image(root: Path, driver: str, image: str, scratch: Path) -> Path:
    """Mount an image's file system, to be written to for now, and return where.

    Layers are named by the store's short links, since all of them have to fit into one page.
    """
    layers = [str(layer["id"]) for layer in layers_of(root, driver, image)]
    merged, upper, work = scratch / "root", scratch / "upper", scratch / "work"
    for folder in (merged, upper, work):
        folder.mkdir()
    upper.chmod(0o755)
    if driver == "vfs":
        home, lowers = root / "vfs/dir", layers[:1]
    elif driver == "overlay":
        home = root / driver
        lowers = [f"l/{(home / layer / 'link').read_text().strip()}" for layer in layers]
    else:
        raise SandboxError(f"a store with the driver {driver!r} is not supported")
    options = f"lowerdir={':'.join(lowers)},upperdir={upper},workdir={work}"
    mapped = Path("/proc/self/uid_map").read_text().split()[:3] != ["0", "0", "4294967295"]
    os.chdir(home)
    # in a user namespace overlayfs stores its own attributes as those of users
    mount("overlay", merged, "overlay", data=f"{options},userxattr" if mapped else options)
    return merged


def inside(root: Path, path: str) -> Path:
    """Return what `path` of the image is here; no link leads out of `root`."""
    found, rest, links = root, [part for part in path.split("/") if part][::-1], 0
    while rest:
        part = rest.pop()
        if part == ".":
            continue
        if part == "..":
            found = found if found == root else found.parent
            continue
        step = found / part
        if step.is_symlink():
            links += 1
            if links > 40:
                raise SandboxError(f"{path}: too many links")
            target = str(step.readlink())
            found = root if target.startswith("/") else found
            rest += [one for one in target.split("/") if one][::-1]
        else:
            found = step
    return found


def place(root: Path, path: str, *, folder: bool) -> Path:
    """Return where something is mounted at `path`, made where the image has nothing there."""
    found = inside(root, path)
    if folder:
        found.mkdir(parents=True, exist_ok=True)
    elif not found.exists():
        found.parent.mkdir(parents=True, exist_ok=True)
        found.touch()
    return found


def bind(source: str, target: Path, flags: int) -> None:
    """Mount a file or folder of this machine at `target`."""
    mount(source, target, flags=MS_BIND)
    mount("none", target, flags=MS_REMOUNT | MS_BIND | MS_NOSUID | flags)


def mount_all(root: Path, spec: dict[str, Any]) -> None:
    """Mount what every container has, and what `spec` names."""
    proc = place(root, "/proc", folder=True)
    if os.getpid() == 1:
        mount("proc", proc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    else:  # without process numbers of its own a new view of them is refused
        mount("/proc", proc, flags=MS_BIND | MS_REC)
    for name in OF_THE_KERNEL:
        if (proc / name).exists():
            bind(str(proc / name), proc / name, MS_RDONLY)
    dev = place(root, "/dev", folder=True)
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, "size=64k,mode=755")
    for path in WRITABLE:
        folder = place(root, path, folder=True)
        mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, f"size={TMP_BYTES},mode=1777")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (dev / name).symlink_to(f"/proc/self/fd{target}")
    for source, target in (*((path, path) for path in DEVICES), *spec["devices"]):
        bind(source, place(root, target, folder=False), MS_NOEXEC)
    if spec["devices"]:  # a driver's libraries find their devices there
        bind("/sys", place(root, "/sys", folder=True), MS_RDONLY)
    for source, target in spec["binds"]:
        bind(source, place(root, target, folder=Path(source).is_dir()), MS_RDONLY | MS_NODEV)


def account(root: Path, user: str) -> tuple[int, int, str]:
    """Return uid, gid and home of a user of an image's config. Source: OCI image-spec 1.1, config, `User`."""
    name, _, group = user.partition(":")
    name = name or "0"
    passwd, groups = inside(root, "/etc/passwd"), inside(root, "/etc/group")
    rows = [line.split(":") for line in passwd.read_text().splitlines()] if passwd.is_file() else []
    mine = next((row for row in rows if len(row) > 5 and name in (row[0], row[2])), None)
    if mine is None and not name.isdigit():
        raise SandboxError(f"the image's user {name!r} is not in its /etc/passwd")
    uid = int(mine[2] if mine else name)
    gid = int(mine[3]) if mine else 0
    if group:
        rows = [line.split(":") for line in groups.read_text().splitlines()] if groups.is_file() else []
        named = next((row[2] for row in rows if len(row) > 2 and row[0] == group), group)
        if not named.isdigit():
            raise SandboxError(f"the image's group {group!r} is not in its /etc/group")
        gid = int(named)
    return uid, gid, mine[5] if mine and mine[5] else "/"


def drop(uid: int, gid: int) -> None:
    """Become the user, for good and without any capability, root too."""
    last = int(LAST_CAPABILITY.read_text())
    options = [(PR_CAPBSET_DROP, number) for number in range(last + 1)]
    for option in (*options, (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)):
        call(f"prctl{option}", LIBC.prctl(*option, 0, 0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    # another user clears the first of these, by which the program dies with the run
    for option in ((PR_SET_PDEATHSIG, signal.SIGKILL), (PR_SET_NO_NEW_PRIVS, 1)):
        call(f"prctl{option}", LIBC.prctl(*option, 0, 0, 0))
    refuse_calls((*KERNEL_CALLS, *NAMESPACE_CALLS))
    call("capset", LIBC.capset(struct.pack("Ii", CAPABILITY_VERSION_3, 0), bytes(24)))


def enter_sandbox(spec: dict[str, Any]) -> dict[str, str]:
    """Limit this process to the image, as its user; return the program's environment."""
    root = mount_image(Path(spec["root"]), spec["driver"], spec["image"], Path(spec["scratch"]))
    mount_all(root, spec)
    raise_loopback()
    uid, gid, home = account(root, spec["user"])
    mount("none", root, flags=MS_REMOUNT | MS_RDONLY)
    os.chroot(root)
    os.chdir("/")
    cwd = Path(spec["cwd"] or "/")
    if not cwd.is_dir():
        raise SandboxError(f"the image has no folder {cwd}, where it starts")
    os.chdir(cwd)
    drop(uid, gid)
    return {"HOME": home, **spec["env"]}


def main(path: str) -> NoReturn:
    """Enter the sandbox and become the program."""
    spec = json.loads(Path(path).read_text())
    try:
        env = enter_sandbox(spec)
    except (SandboxError, LayerError, OSError, ValueError, KeyError) as error:
        print(f"the sandbox could not be set up: {error}", file=sys.stderr, flush=True)
        raise SystemExit(NO_SANDBOX) from None
    argv = spec["argv"]
    try:
        os.execvpe(argv[0], argv, env)  # noqa: S606 what is run is what was asked for
    except OSError as error:
        print(f"can't be started: {error.strerror}: {argv[0]}", file=sys.stderr, flush=True)
        raise SystemExit(NOT_STARTED) from None


if __name__ == "__main__":
    main(sys.argv[1])
