"""The ways that are measured against each other."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from bench.peers.by_buildkit import ByBuildkit
from bench.peers.by_dockerfile import ByDockerfile
from bench.peers.by_dockwright import ByDockwright
from bench.peers.start import houses_of, make_start
from bench.peers.way import Way


def make_ways(root: Path, names: Collection[str]) -> dict[str, Way]:
    """Return the ways of these letters below `root`, whose stack is there."""
    stack = root / "stack"
    start = make_start(stack, root)
    every: tuple[Way, ...] = (
        ByDockwright(stack=stack, root=root / "dockwright"),
        ByDockerfile(stack=stack, root=root / "plain", start=start),
        ByBuildkit(
            stack=stack,
            root=root / "buildkit",
            start=start,
            houses=lambda: houses_of(stack, root / "dockwright"),
        ),
    )
    return {way.name: way for way in every if way.name in names}
