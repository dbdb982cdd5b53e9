"""Removing the temporary folder of a stale run, and what is still mounted below it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from ci.engines.capabilities import OCI_RUNTIMES
from ci.engines.process.command import Command
from ci.engines.process.runner import Runner
from ci.errors import CommandError

MOUNTS = Path("/proc/self/mountinfo")
OCTAL = re.compile(r"\\([0-7]{3})")


def mounted_below(folder: Path, mountinfo: Iterable[str]) -> list[str]:
    """Return the mount points below `folder`, the deepest first.

    Source: proc(5), /proc/PID/mountinfo: the fifth field, with spaces and the like as octal escapes.
    """
    points = [OCTAL.sub(lambda code: chr(int(code[1], 8)), line.split()[4]) for line in mountinfo]
    below = (point for point in points if folder in Path(point).parents)
    return sorted(below, reverse=True)


async def remove_folder(folder: Path, runner: Runner, privilege: tuple[str, ...]) -> bool:
    """Remove `folder`, whoever owns what is in it, and return whether it existed.

    Buildah leaves the folder of its layers mounted on itself, and the root of an interrupted container. What
    is mounted below is unmounted; files of other mounts are never removed.

    Raises:
        CommandError: something in it is still mounted, or can't be removed.
    """
    if not folder.exists():
        return False
    below = mounted_below(folder, _mountinfo())
    if below:
        await runner.run(Command(argv=("umount", "--lazy", *below)).privileged(privilege))
        remaining = mounted_below(folder, _mountinfo())
        if remaining:
            raise CommandError(("umount", *below), 1, f"still mounted: {', '.join(remaining)}")
    await runner.run(
        Command(argv=("rm", "-rf", "--one-file-system", "--", str(folder))).privileged(privilege)
    )
    return True


async def forget_containers(folder: Path, runner: Runner, privilege: tuple[str, ...]) -> None:
    """Delete the containers of an OCI runtime that Buildah ran for a stale run, with their control groups.

    Buildah 1.28 names each by its own temporary folder, which is in `folder`.
    """
    ids = [f"buildah-{path.name}" for path in sorted(folder.glob("buildah*"))]
    for runtime in filter(shutil.which, OCI_RUNTIMES):
        for id_ in ids:
            await runner.run(Command(argv=(runtime, "delete", "--force", id_)).privileged(privilege))


def _mountinfo() -> list[str]:
    return MOUNTS.read_text(errors="surrogateescape").splitlines() if MOUNTS.exists() else []
