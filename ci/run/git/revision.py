"""The git revision of a stack directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ci.redaction import redacted
from ci.run.git.git import git


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
    commit = _git(directory, "rev-parse", "HEAD")
    if not commit:
        return Revision()
    return Revision(
        commit=commit,
        is_clean=_git(directory, "status", "--porcelain", "--", ".") == "",
        source=without_credentials(_git(directory, "config", "--get", "remote.origin.url") or ""),
    )


def without_credentials(url: str) -> str:
    """Return `url` without user and password; empty where it is a path on a machine."""
    if "://" not in url:
        return url if re.match(r"[\w.-]+@[\w.-]+:", url) else ""
    if url.startswith("file:"):
        return ""
    return redacted(url)


def _git(directory: Path, *arguments: str) -> str | None:
    """Return the output of git; None where it fails or takes too long."""
    result = git(directory, *arguments)
    return None if result.error else result.output.decode(errors="replace").strip()
