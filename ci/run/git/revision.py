"""The git revision of a stack directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ci.redaction import redacted
from ci.run.git.changes import changes_of
from ci.run.git.git_directory import LIMIT_S, SafeGit, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """`commit` has 40 hexadecimal digits, or is empty outside a repository; `source` is the remote's URL.

    `is_clean` is true if nothing below the stack directory differs from the commit.
    """

    commit: str = ""
    is_clean: bool = False
    source: str = ""

    @property
    def notes(self) -> dict[str, str]:
        """Annotations of what is published. Source: OCI image-spec 1.1, annotations.md."""
        found = {
            "org.opencontainers.image.revision": self.commit if self.is_clean else "",
            "org.opencontainers.image.source": self.source,
        }
        return {name: text for name, text in found.items() if text}


def revision_of(directory: Path) -> Revision:
    """Return the revision of `directory`."""
    try:
        with opened(directory) as git:
            return _revision(git, directory) if git is not None else Revision()
    except OSError:
        return Revision()


def _revision(git: SafeGit, directory: Path) -> Revision:
    commit = git.run("rev-parse", "--verify", "HEAD^{commit}").text
    if commit is None:
        return Revision()
    below = directory.resolve().relative_to(git.top).as_posix()
    changes = changes_of(git, (":(top)" if below == "." else f":(top,literal){below}",), limit_s=LIMIT_S)
    is_clean = not (changes.files or changes.repositories or changes.error)
    return Revision(commit=commit, is_clean=is_clean, source=without_credentials(git.origin))


def without_credentials(url: str) -> str:
    """Return `url` without user and password; empty where it is a path on a machine."""
    if "://" not in url:
        return url if re.match(r"[\w.-]+@[\w.-]+:", url) else ""
    if url.startswith("file:"):
        return ""
    return redacted(url)
