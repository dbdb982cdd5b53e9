"""Print the root file system that this runs in as one JSON object: {path: entry}.

It needs the standard library only and runs as root. An entry is [kind, mode, uid, gid, what]: kind is `f`,
`d`, `l` or another file type of find(1); what is the sha256 of a file, the target of a link, else empty.
Mounts are left out, and what lies below them.
"""

import fcntl
import hashlib
import json
import os
import re
import stat
import sys
import termios
import time
from pathlib import Path

DRAINED_S = 60.0
KINDS = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFIFO: "p", stat.S_IFSOCK: "s"}
KINDS |= {stat.S_IFBLK: "b", stat.S_IFCHR: "c"}


def entry(path: str, status: os.stat_result) -> list[object]:
    """Return what is compared of the file at `path`."""
    kind, what = KINDS[stat.S_IFMT(status.st_mode)], ""
    if kind == "f":
        with Path(path).open("rb") as stream:
            what = hashlib.file_digest(stream, "sha256").hexdigest()
    elif kind == "l":
        what = str(Path(path).readlink())
    return [kind, f"{stat.S_IMODE(status.st_mode):04o}", status.st_uid, status.st_gid, what]


def mounts(text: str) -> set[str]:
    """Return where something is mounted, but for the root, by the text of /proc/self/mountinfo.

    Source: proc(5), /proc/PID/mountinfo: the fifth field; a space in it is written by its octal code.
    """
    fields = {line.split()[4] for line in text.splitlines()}
    return {re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), field) for field in fields} - {"/"}


def tree(root: str, mounted: set[str]) -> dict[str, list[object]]:
    """Return every file below the folder `root` by its path."""
    found: dict[str, list[object]] = {}
    folders = [root]
    while folders:
        folder = folders.pop()
        for one in sorted(os.scandir(folder), key=lambda one: one.name):
            if one.path in mounted:
                continue
            status = one.stat(follow_symlinks=False)
            found[one.path] = entry(one.path, status)
            if found[one.path][0] == "d":
                folders.append(one.path)
    return found


def drained(output: int) -> None:
    """Wait until all that was written to a pipe was read: Buildah 1.28 drops the rest when we end."""
    if stat.S_ISFIFO(os.fstat(output).st_mode):
        deadline_s = time.monotonic() + DRAINED_S
        while time.monotonic() < deadline_s and _unread(output):
            time.sleep(0.01)
        time.sleep(0.1)


def _unread(pipe: int) -> int:
    """Return how many bytes wait in a pipe. Source: ioctl(2), FIONREAD."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4), sys.byteorder)


if __name__ == "__main__":
    mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    json.dump(tree("/", mounts(mountinfo)), sys.stdout, separators=(",", ":"))
    sys.stdout.flush()
    drained(sys.stdout.fileno())
