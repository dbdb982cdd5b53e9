"""A git repository of a test's own, without the user's configuration."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def git(folder: Path, *words: str) -> str:
    """Run git in `folder` and return what it prints."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    author = ("-c", "user.name=tests", "-c", "user.email=tests@example.org")
    done = subprocess.run(
        ("git", *author, *words), cwd=folder, check=True, capture_output=True, text=True, env=env
    )
    return done.stdout


def committed(folder: Path) -> str:
    """Make `folder` a repository with all that is in it, or add what changed; return the commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "test")
    return git(folder, "rev-parse", "HEAD").strip()


def tree(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Return kind and content of all files below `folder`, git's own left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.partition("/")[0] == ".git":
            continue
        if path.is_symlink():
            found[name] = ("link", os.fsencode(path.readlink()))
        elif path.is_file():
            found[name] = ("program" if os.access(path, os.X_OK) else "file", path.read_bytes())
    return found
