from __future__ import annotations

from pathlib import Path

from ci.cli.doctor.command import free_space_refusal
from ci.run.estimate.file_system import FileSystem

GB = 10**9
STORE = FileSystem(device=1, path=Path("/dw/store"), used_for=("store",), free_bytes=20 * GB, used_bytes=0)
DAEMON = FileSystem(
    device=2, path=Path("/var/lib/docker"), used_for=("daemon",), free_bytes=4 * GB, used_bytes=0
)


def test_a_disk_with_enough_room_is_not_refused() -> None:
    assert free_space_refusal((STORE, DAEMON), 4 * GB) == ""


def test_each_disk_with_too_little_room_is_named() -> None:
    assert free_space_refusal((STORE, DAEMON), 5 * GB) == (
        "not enough disk: 5.00 GB are needed, and 4.00 GB are free at /var/lib/docker (daemon)"
    )
    assert "; 4.00 GB are free at /var/lib/docker" in free_space_refusal((STORE, DAEMON), 25 * GB)
