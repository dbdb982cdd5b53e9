"""Which working containers belong to a stale run: read from what Buildah prints. Pure but for new names.

A container of a build carries the run marker in its record, where Buildah stores the build's options; others
carry the run's name in theirs. One whose process was killed while it was made has no record yet.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

NONE_FOUND = 1
"""The exit status of grep(1) where no line matches."""
MAKING_S = 10.0
"""A running Buildah has written the record of a container that it makes long before that."""
BEING_WRITTEN = re.compile(r'locating item named "manifest" for image with ID "[0-9a-f]+"')
LIST_AGAIN_S = 0.3
_OF_A_BUILD = re.compile(r".*working-container(-\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of the store; `recorded` when Buildah knows it as one of its own."""

    id: str
    name: str
    recorded: bool


def container_name(run: str) -> str:
    """Return a new name for a container of the run with that name."""
    return f"dockwright-{run}-{uuid.uuid4().hex[:12]}"


def listed_containers(text: str) -> tuple[Container, ...]:
    """Return the containers that `buildah containers --json` lists."""
    return tuple(
        Container(id=row["id"], name=row["containername"], recorded=row["builder"])
        for row in json.loads(text or "[]") or []
    )


def containers_of(listed: Iterable[Container], runs: Iterable[str], found: str) -> set[str]:
    """Return the ids of the containers of `runs`, by their names; `found` are paths of records of theirs."""
    recorded = {PurePosixPath(line).parents[1].name for line in found.splitlines()}
    names = tuple(f"dockwright-{run}-" for run in runs)
    return {one.id for one in listed if one.id in recorded or one.name.startswith(names)}


def unfinished(listed: Iterable[Container]) -> set[str]:
    """Return the ids of the containers that a build is making, or was when it was killed."""
    return {one.id for one in listed if not one.recorded and _OF_A_BUILD.fullmatch(one.name)}
