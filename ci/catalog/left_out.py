"""Names that a folder of `[[files]]` leaves out: what tools leave there, and what may be secret. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from posixpath import basename

CACHES = (
    "__pycache__",
    "*.pyc",
    "*.pyo",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".ipynb_checkpoints",
    ".tox",
    ".nox",
    ".venv",
    ".DS_Store",
)
"""What programs make beside the files, again and again."""
VERSIONS = (".git", ".hg", ".svn", ".bzr", ".jj", "CVS")
"""What version control has there."""
SECRETS = (".env", ".env.*", ".envrc", ".netrc", ".pypirc", ".ssh", ".aws", ".gnupg")
"""What may have passwords or keys."""


def is_left_out(name: str) -> bool:
    """Whether a folder leaves out the file or folder `name`; as a `source` of its own it is copied."""
    return any(fnmatchcase(name, pattern) for pattern in (*CACHES, *VERSIONS, *SECRETS))


def left_out_text(paths: Iterable[str], *, caches: bool = True) -> str:
    """Return the names of `paths` in a few words, such as `.env, 3 __pycache__`; empty where there is none.

    `caches`: whether those that programs make again and again are named too.
    """
    counts: dict[str, int] = {}
    for path in paths:
        name = basename(path)
        is_cache = any(fnmatchcase(name, pattern) for pattern in CACHES)
        if is_cache and not caches:
            continue
        word = f"*{name[name.rfind('.') :]}" if name.endswith((".pyc", ".pyo")) else path
        word = name if is_cache and word == path else word
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{count} {word}" if count > 1 else word for word, count in sorted(counts.items()))
