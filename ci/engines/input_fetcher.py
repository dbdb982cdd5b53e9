"""Fetching build inputs inside an engine that shares no folder with this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ci.engines.engine import File, Folder, Output


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheVolume:
    """A volume of the engine that outlives its runs; `exclusive`: one container at a time may use it."""

    name: str
    path: str
    exclusive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRun:
    """A program that runs as root and leaves a folder.

    Attributes:
        image: name or id of the image that it runs in.
        argv: the program with its arguments.
        files: text of small files by their paths in the container.
        program: a folder of this machine whose Python files it sees, and where.
        volume: where it keeps what it fetched for later runs; None: nowhere.
        folders: folders of earlier runs that it sees, read-only, by their paths in the container.
        env: its environment, on top of the image's and of what this engine needs for network access.
        result: path of the folder that it leaves.
        network: whether it has network access.
    """

    image: str
    argv: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    program: tuple[Path, str]
    volume: CacheVolume | None = None
    folders: Mapping[str, Folder] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    result: str
    network: bool = True


class InputFetcher(Protocol):
    """How an engine fetches build inputs itself."""

    async def fetch_folder(self, run: FetchRun, output: Output) -> Folder:
        """Run a fetching program and return the folder that it leaves; an equal run may come from the cache.

        Raises:
            CommandError: it failed.
        """
        ...

    async def import_archived(self, name: str, output: Output) -> bool:
        """Import the image `name` from what an earlier session archived; return whether there was one."""
        ...

    def folder_in(self, folder: Folder, path: str) -> Folder:
        """Return a folder in a folder that `fetch_folder` returned."""
        ...

    async def read(self, folder: Folder, name: str) -> str:
        """Return the text of a file of a folder that `fetch_folder` returned; empty where there is none."""
        ...

    def file_in(self, folder: Folder, name: str) -> File:
        """Return a file of a folder that `fetch_folder` returned."""
        ...
