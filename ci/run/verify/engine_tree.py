"""The images of one engine as trees and configs, and how two engines' differ beyond what is known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ci.bounded.parse import parse_object
from ci.engines.engine import ContainerRun, Engine, Output
from ci.steps.layout import ROOT

TARGET = "/run/dockwright-tree"
FIELDS = (
    *("User", "Env", "Entrypoint", "Cmd", "WorkingDir", "Labels"),
    *("ExposedPorts", "Volumes", "StopSignal", "Healthcheck"),
)
"""What of a config is compared; an engine that does not tell a field has none.

Source: OCI image-spec 1.1, config.md; Docker image spec 1.2 for Healthcheck.
"""
WHAT = ("kind", "mode", "owner", "group", "content")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A difference that is known: `path` is a pattern of paths, whole; `reason` says where it comes from."""

    path: str
    reason: str


EXCEPTIONS = (
    Known(
        path=r"/etc/(hosts|hostname|resolv\.conf)",
        reason="an engine mounts its own while it builds, and some leave the empty file below it",
    ),
    Known(
        path=r"/mnt|/run/dockwright-tree",
        reason="where something is mounted: some engines remove the empty folder afterwards, or leave one",
    ),
    Known(
        path=r"/(proc|sys|dev|run)(/.*)?",
        reason="what a running container is given, and the folders that it is mounted on",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTree:
    """One image: every file by its path, see ci/engines/program/tree.py, and its config's compared part."""

    files: Mapping[str, list[Any]]
    config: Mapping[str, Any]


async def image_tree(engine: Engine, image: str, output: Output) -> ImageTree:
    """Return an image of `engine`.

    Raises:
        CommandError: the program that lists it failed.
    """
    program = Path(str(files("ci.engines.program").joinpath("tree.py")))
    argv = ["python3", "-I", "-B", f"{TARGET}/tree.py"]
    mounts = [(program.parent, TARGET, "ro")]
    text = await engine.run(image, ContainerRun(argv=argv, mounts=mounts, user=ROOT), output)
    inner = (await engine.inspect(image)).config.get("config") or {}
    config = {name: inner.get(name) or None for name in FIELDS}
    if config["Env"]:
        config["Env"] = sorted(config["Env"])
    return ImageTree(files=parse_object(text), config=config)


def known(path: str) -> bool:
    """Whether engines may differ in `path`."""
    return any(re.fullmatch(one.path, path) for one in EXCEPTIONS)


def differences(one: ImageTree, other: ImageTree, names: Sequence[str]) -> list[str]:
    """Return a sentence for each difference that is not known; `names` are those of the two engines."""
    found = []
    for path in sorted({*one.files, *other.files}):
        if known(path):
            continue
        there = [tree.files.get(path) for tree in (one, other)]
        if there[0] == there[1]:
            continue
        left, right = there
        if left is None or right is None:
            found.append(f"{path}: only by {names[0] if right is None else names[1]}")
            continue
        parts = [
            f"{what} {a!r} by {names[0]}, {b!r} by {names[1]}"
            for what, a, b in zip(WHAT, left, right, strict=True)
            if a != b
        ]
        found.append(f"{path}: {'; '.join(parts)}")
    return found + [
        f"config {field}: {one.config[field]!r} by {names[0]}, {other.config[field]!r} by {names[1]}"
        for field in FIELDS
        if one.config[field] != other.config[field]
    ]
