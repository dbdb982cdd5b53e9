"""Secrets of one run as files that only its container sees: never in an argv, an image or a record."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ci.engines.engine import ContainerRun

OWNER_READS = 0o600


@contextmanager
def with_secret_files(run: ContainerRun, folder: str = "") -> Iterator[ContainerRun]:
    """Yield `run` with its secrets as mounted files, which are removed afterwards.

    They lie in a new folder in `folder` (empty: the system's) that only this user can read.
    """
    if not run.secrets:
        yield run
        return
    with tempfile.TemporaryDirectory(prefix="dockwright-secrets-", dir=folder or None) as name:
        mounts = []
        for number, (target, text) in enumerate(sorted(run.secrets.items())):
            path = Path(name, str(number))
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_READS), "w") as file:
                file.write(text)
            mounts.append((path, target, "ro"))
        yield replace(run, mounts=(*run.mounts, *mounts), secrets={})
