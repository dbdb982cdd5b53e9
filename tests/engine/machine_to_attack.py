"""What a machine has that hostile code looks for, put there for tests/engine/attack.py."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engine import attack

IPC_PRIVATE_KEY, IPC_CREAT, IPC_RMID = 0x0D0C, 0o1000, 0
SECRET = "only-the-machine-knows"
MOUNTED = "/run/attack"
"""Where the program and its targets are in an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine with something to find on it.

    Attributes:
        folder: the program and its targets, mounted at `MOUNTED`.
        canary: a file that nobody but the test may read or write.
    """

    folder: Path
    canary: Path

    @property
    def command(self) -> tuple[str, ...]:
        """The program, in an image with Python."""
        return ("python3", f"{MOUNTED}/{Path(attack.__file__).name}", f"{MOUNTED}/targets.json")

    def result(self, output: str) -> dict[str, Any]:
        """Return what the program printed, after a look at what it could not have printed."""
        assert self.canary.read_text() == SECRET
        found: dict[str, Any] = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
        return found


@contextmanager
def machine_to_attack(folder: Path) -> Iterator[Machine]:
    """Give this machine, for the block, a file, servers, a process and shared memory that code looks for."""
    libc = ctypes.CDLL(None, use_errno=True)
    canary, program = folder / "canary", folder / "program"
    canary.write_text(SECRET)
    program.mkdir()
    shutil.copy(attack.__file__, program)
    name = f"dockwright-attack-{os.getpid()}"
    segment = libc.shmget(IPC_PRIVATE_KEY, 4096, IPC_CREAT | 0o666)
    assert segment >= 0
    with ExitStack() as stack:
        stack.callback(libc.shmctl, segment, IPC_RMID, None)
        port = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        everywhere = stack.enter_context(socket.create_server(("0.0.0.0", 0))).getsockname()[1]
        local = stack.enter_context(socket.socket(socket.AF_UNIX))
        local.bind(f"\0{name}")
        local.listen()
        process = stack.enter_context(
            subprocess.Popen((sys.executable, "-c", "input()", name), stdin=subprocess.PIPE)
        )
        stack.callback(process.kill)
        disk = folder.stat().st_dev
        targets = {
            "canary": str(canary),
            "disk": [os.major(disk), os.minor(disk)],
            "mounts": [MOUNTED],
            "servers": [["127.0.0.1", port], *([one, everywhere] for one in _addresses()), name],
            "process": name,
            "segment": IPC_PRIVATE_KEY,
            "secrets": [SECRET, "DOCKWRIGHT"],
        }
        (program / "targets.json").write_text(json.dumps(targets))
        yield Machine(folder=program, canary=canary)


def _addresses() -> list[str]:
    """Return the address of this machine that it reaches others from, if it has one; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            any_socket.connect(("192.0.2.1", 9))
        except OSError:
            return []
        return [any_socket.getsockname()[0]]
