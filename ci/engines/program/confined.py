"""Run a program of this machine on a few folders alone: `confined.py [OPTION…] -- COMMAND…`.

Standard library only, Linux. The program is one that runs foreign code as root with tools of this machine,
as mmdebstrap does. It is in the namespaces of namespaces.py, and has another root with this machine's
programs and settings, read-only, and what the options name:

    --read=PATH     a folder, read-only
    --scratch=PATH  where a folder is made that is its /tmp, and removed after it
    --output=PATH   a file that gets its standard output

It is root of a user namespace whose ids no user of this machine has, so what leaves its root directory is
nobody here, has no rights on files, and can't mount anything for writing. Where this machine refuses a user
namespace, it is root in the same namespaces and root, and a line on standard error says so.

It ends as the command does, or with 125 if it could not be confined.

Source: pivot_root(2), mount_namespaces(7), user_namespaces(7), pid_namespaces(7).
"""

import ctypes
import errno
import os
import shutil
import signal
import struct
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

if not __package__:
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .filter import KERNEL_CALLS, refuse_calls
from .namespaces import CLONE_NEWNS, FILES, MS_BIND, MS_NOSUID, MS_REC, NOT_MADE, become, enter
from .system_calls import LIBC, call, mount

PROGRAMS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt", "nix", "gnu", "etc")
OF_THE_KERNEL = ("proc", "sys", "dev")
EMPTY = ("run", "var", "root")
ENVIRONMENT = ("PATH", "LANG", "SOURCE_DATE_EPOCH")
"""All that it gets of this machine's environment, which may have passwords."""
MS_RDONLY, MS_NODEV, MS_REMOUNT, MNT_DETACH = 1, 4, 32, 2
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000
"""Its attributes are numbered as the MS_ flags here. Source: mount_setattr(2), linux/mount.h."""
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
FIRST_ID, IDS = 0x70000000, 65536
"""Of neither users nor systemd's containers. Source: systemd, UIDS-GIDS.md."""


def bind(source: str, target: Path, flags: int) -> None:
    """Mount a folder at `target`; `flags` hold for all that is mounted below it, too."""
    mount(source, target, flags=MS_BIND | MS_REC)
    attributes = struct.pack("QQQQ", MS_NOSUID | flags, 0, 0, 0)
    where = (AT_FDCWD, os.fsencode(target), AT_RECURSIVE)
    if LIBC.syscall(SYS_MOUNT_SETATTR, *where, attributes, ctypes.c_size_t(len(attributes))):
        if ctypes.get_errno() != errno.ENOSYS:
            call(str(target), -1)
        mount("none", target, flags=MS_REMOUNT | MS_BIND | MS_NOSUID | flags)  # before Linux 5.12: it alone


def enter_root(read: list[str], temporary: str) -> None:
    """Make this process's root a folder with nothing but what the program needs."""
    root = FILES / "empty"
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    for name in PROGRAMS:
        path, target = Path("/", name), root / name
        if path.is_symlink():
            target.symlink_to(path.readlink())
        elif path.is_dir():
            target.mkdir()
            bind(str(path), target, MS_RDONLY | MS_NODEV)
    for name in (*EMPTY, *OF_THE_KERNEL, "tmp"):
        (root / name).mkdir()
    for name in OF_THE_KERNEL:
        mount(f"/{name}", root / name, flags=MS_BIND | MS_REC)
    bind(temporary, root / "tmp", 0)
    for folder in read:
        target = root / folder.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        bind(folder, target, MS_RDONLY | MS_NODEV)
    mount("none", root, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chdir(root)
    call("pivot_root", LIBC.pivot_root(b".", b"."))
    call("umount", LIBC.umount2(b".", MNT_DETACH))
    os.chdir("/")


def first_id() -> int:
    """Return the first id of this machine, or of the user namespace that this process is in, to be used."""
    ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return FIRST_ID if any(int(start) + int(size) > FIRST_ID + IDS for start, _, size in ranges) else 1


def enter_user_namespace(first: int) -> None:
    """Become root of a user namespace with `IDS` ids from `first` on, where these mounts can't be changed.

    Raises:
        OSError: it is refused; nothing was changed.
    """
    asked, asks = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.read(asked, 1)
        try:
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{parent}/{name}").write_text(f"0 {first} {IDS}\n")
        except OSError:
            os._exit(1)
        os._exit(0)
    refused = LIBC.unshare(CLONE_NEWUSER)
    number = ctypes.get_errno()
    os.write(asks, b"x")  # only a process outside may give it ids
    failed = os.waitpid(child, 0)[1]
    if refused:
        raise OSError(number, os.strerror(number))
    if failed:
        raise SystemExit("its user namespace got no ids")
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    call("unshare", LIBC.unshare(CLONE_NEWNS))
    call("prctl", LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))


def confined(argv: list[str], read: list[str], temporary: str, output: str) -> NoReturn:
    """Enter all of it and become the command."""
    try:
        if output:
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 1)
        enter(network=False, shm=False)
        first = first_id()
        os.chown(temporary, first, first)
        os.chmod(temporary, 0o1777)  # noqa: PTH101, S103 below a folder that is nobody else's
        enter_root(read, temporary)
        try:
            enter_user_namespace(first)
        except OSError as error:
            print(f"no user namespace, so it runs as root: {error.strerror}", file=sys.stderr, flush=True)
            os.chown("/tmp", 0, 0)  # noqa: S108 its own
        refuse_calls(KERNEL_CALLS)
    except (OSError, ValueError, KeyError) as error:
        print(f"a program can't be confined: {error}", file=sys.stderr, flush=True)
        raise SystemExit(NOT_MADE) from None
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    become(argv)


def main(arguments: list[str]) -> int:
    """Run the command in a child process, remove what it left, and return how it ended."""
    start = arguments.index("--")
    options = [option.split("=", 1) for option in arguments[:start]]
    read = [value for name, value in options if name == "--read"]
    values = dict(options)
    temporary = tempfile.mkdtemp(prefix="confined-", dir=values["--scratch"])
    try:
        child = os.fork()
        if child == 0:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            confined(arguments[start + 1 :], read, temporary, values.get("--output", ""))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
