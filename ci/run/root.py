"""Removing a whole root: the store with its mounts, caches and state."""

from __future__ import annotations

from pathlib import Path

from ci.engines.process.command import Command
from ci.engines.process.runner import Runner

REMOVE = """\
findmnt --raw --noheadings --output TARGET | awk -v under="$1/" 'index($0, under) == 1' | sort -r |
xargs --no-run-if-empty umount
rm -rf -- "$1"
"""
"""Buildah keeps the folder of its layers mounted on itself, and a container that was broken off its root."""


async def remove_root(root: Path, runner: Runner, privilege: tuple[str, ...]) -> None:
    """Remove `root` and all that is in it; what is there belongs to the store's user.

    Raises:
        CommandError: something of it can't be removed.
    """
    if root.exists():
        await runner.run(Command(argv=("sh", "-c", REMOVE, "sh", str(root))).privileged(privilege))
