"""A git directory of our own for a repository of others: its refs, index and objects, and our configuration.

Nothing is executed that the repository names, and nothing in it is written. Of its configuration only plain
values count that change how files are read (`PLAIN`), of the user's also which files are ignored.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ci.run.git.git import GitResult, run_git
from ci.run.git.repository import Repository, find_repository, head_text, shared_indexes

LIMIT_S = 30.0
PLAIN = (
    "core.repositoryformatversion",
    "core.autocrlf",
    "core.checkstat",
    "core.eol",
    "core.filemode",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.symlinks",
    "core.trustctime",
    "extensions.objectformat",
    "extensions.refstorage",
)
"""Keys of the repository's own configuration that count; their values are single words."""
USERS = ("core.autocrlf", "core.eol", "core.excludesfile", "core.precomposeunicode")
"""Keys of the user's and the system's configuration that count."""
ORIGIN = "remote.origin.url"
_WORD = re.compile(r"[A-Za-z0-9]{1,20}")
_FIXED = {
    "core.bare": "false",
    "core.fsmonitor": "false",
    "core.hookspath": os.devnull,
    "core.attributesfile": os.devnull,
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
}
SHARED = ("refs", "packed-refs", "logs", "reftable", "shallow")
"""What names commits; each worktree has its own HEAD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeGit:
    """Calls of git for one repository, which run no program but git.

    Attributes:
        repository: what is read.
        directory: our git directory for it.
        origin: the URL that it was cloned from; empty where it names none.
    """

    repository: Repository
    directory: Path
    origin: str = ""

    @property
    def top(self) -> Path:
        """The folder of the working tree."""
        return self.repository.top

    def run(
        self,
        *arguments: str,
        cwd: Path | None = None,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        limit_s: float = LIMIT_S,
    ) -> GitResult:
        """Run git in the folder `cwd` of the working tree, by default at its top."""
        return run_git(
            *arguments,
            cwd=cwd or self.top,
            stdin=stdin,
            env={**_environment(self.directory), "GIT_WORK_TREE": str(self.top), **(env or {})},
            limit_s=limit_s,
        )

    @property
    def own_index(self) -> dict[str, str]:
        """The environment in which the index and new objects are ours; HEAD's objects are read as before."""
        index = self.repository.directory / "index"
        if not (self.directory / "own-index").exists() and index.exists():
            shutil.copy2(index, self.directory / "own-index")  # its time says which entries may be stale
        return {"GIT_INDEX_FILE": str(self.directory / "own-index")}


@contextmanager
def opened(directory: Path) -> Iterator[SafeGit | None]:
    """Yield git for the repository that has the folder `directory`; None where there is none.

    Raises:
        OSError: the temporary git directory can't be written.
    """
    repository = find_repository(directory)
    if repository is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="dockwright-git-") as folder:
        own = Path(folder).resolve()
        origin = make_git_directory(repository, own, head=None)
        yield SafeGit(repository=repository, directory=own, origin=origin)


def make_git_directory(repository: Repository, own: Path, *, head: str | None) -> str:
    """Write a git directory for `repository` to the folder `own`, and return the URL of its origin.

    With a commit `head` it is one that lasts: HEAD is that commit, and no ref of the repository can be
    changed through it. Without, HEAD, refs and index are those of the repository.

    Raises:
        OSError: it can't be written.
    """
    directory, common = repository.directory, repository.common
    (own / "objects/info").mkdir(parents=True)
    # a link, since the path of a repository may have characters that end a line of this file
    (own / "theirs").symlink_to(common / "objects")
    (own / "objects/info/alternates").write_text("../theirs\n")
    names = SHARED if head is None else ("shallow",)
    for name in names:
        if (common / name).exists():
            (own / name).symlink_to(common / name)
    if head is None:
        (own / "HEAD").write_text(head_text(repository))
        if (directory / "index").exists():
            (own / "index").symlink_to(directory / "index")
        for shared in shared_indexes(directory):
            (own / shared.name).symlink_to(shared)
    else:
        (own / "refs").mkdir()
        (own / "HEAD").write_text(f"{head}\n")
    (own / "info").mkdir()
    for name in ("info/exclude", "info/attributes"):
        if (common / name).is_file():
            (own / name).symlink_to(common / name)
    theirs = _read_config(own, common / "config")
    (own / "config").write_text(_config_text({}))
    plain = {key: theirs[key] for key in PLAIN if _WORD.fullmatch(theirs.get(key, ""))}
    (own / "config").write_text(_config_text({**_users(own), **plain, **_FIXED}))
    return theirs.get(ORIGIN, "")


def _config_text(values: Mapping[str, str]) -> str:
    """Return a file of configuration; a value that has a line's end is left out."""
    lines = ["[core]", "\trepositoryformatversion = 0"]
    for key, value in values.items():
        section, _, name = key.partition(".")
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        if value.isprintable():
            lines += [f"[{section}]", f'\t{name} = "{quoted}"']
    return "\n".join([*lines, ""])


def _environment(own: Path) -> dict[str, str]:
    """Return the variables of git; those of the caller that begin with GIT_ do not count (`run_git`)."""
    return {
        "GIT_DIR": str(own),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "HOME": str(own),
        "XDG_CONFIG_HOME": str(own),
    }


def _read_config(own: Path, file: Path) -> dict[str, str]:
    """Return the values of a file of configuration; what it includes is not read."""
    if not file.is_file():
        return {}
    listed = run_git(
        "config", "--file", str(file), "--no-includes", "--list", "-z", cwd=own, env=_environment(own)
    )
    return _entries(listed.output)


def _users(own: Path) -> dict[str, str]:
    """Return what counts of the user's and the system's configuration, by which git works for this user."""
    listed = run_git("config", "--list", "-z", cwd=own, env={"GIT_DIR": str(own), **_own_variables()})
    found = {key: value for key, value in _entries(listed.output).items() if key in USERS}
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    try:
        ignored = Path(found.get("core.excludesfile") or f"{home}/git/ignore").expanduser()
    except RuntimeError:  # the folder of a user who does not exist
        ignored = Path(os.devnull)
    return {**found, "core.excludesfile": str(ignored)}


def _own_variables() -> dict[str, str]:
    """Return the variables by which a user names files of configuration."""
    names = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
    return {name: os.environ[name] for name in names if name in os.environ}


def _entries(output: bytes) -> dict[str, str]:
    """Return `config --list -z` as a dictionary; the last value of a key counts, as for git."""
    found = {}
    for entry in output.decode(errors="replace").split("\0"):
        key, _, value = entry.partition("\n")
        if key:
            found[key] = value
    return found
