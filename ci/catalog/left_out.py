"""Names that a folder of `[[files]]` leaves out: what tools leave there, and what may be secret. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase

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


def is_cache(name: str) -> bool:
    """Whether a program makes the file or folder `name` again and again."""
    return any(fnmatchcase(name, pattern) for pattern in CACHES)
