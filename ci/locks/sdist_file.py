"""Fetching one sdist of the default index, to read what it requires."""

from __future__ import annotations

import re

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from ci.errors import LockError
from ci.locks.project import INDEX
from ci.wheelhouse.program.client import Client
from ci.wheelhouse.program.failure import FetchingError
from ci.wheelhouse.program.index import Index


def fetch_sdist(name: str, version: str) -> tuple[str, bytes]:
    """Return the file name and the content of the sdist of a release.

    Raises:
        LockError: the index has none, or can't be read.
    """
    client = Client(lambda _line: None)
    try:
        files = Index(INDEX, client).files(name)
        found = sorted(file for file in files if _is_sdist(file, name, version))
        if not found:
            raise LockError(f"{name} {version}: {INDEX} has neither a wheel nor an sdist of it")
        return found[0], client.body(files[found[0]], {}, found[0])[0]
    except FetchingError as error:
        raise LockError(error.text, hint=error.hint) from error


def _is_sdist(file: str, name: str, version: str) -> bool:
    if not re.search(r"\.(tar\.gz|zip)$", file):
        return False
    try:
        return parse_sdist_filename(file) == (canonicalize_name(name), Version(version))
    except (InvalidSdistFilename, InvalidVersion):
        return False
