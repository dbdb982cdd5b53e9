"""Commands as another user: without root, with subordinate ids or with passwordless sudo.

The user exists only in a mount namespace with an /etc of its own, which ends with the command: nothing of the
machine is changed, and several workers can do it at once. There, folders that only root may enter (a Python
in /root, a checkout in a private temporary folder) are covered, and what is needed of them is mounted again.

    python other_user.py SPEC    become that user and run `argv` of the JSON file SPEC
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import anyio

CHECKOUT = Path(__file__).resolve().parents[2]
NAME, UID = "dockwright-tests", 64321
FIRST_ID, IDS = 2_000_000_000, 65_536
ACCOUNT = {
    "passwd": f"{NAME}:x:{UID}:{UID}::{{home}}:/bin/sh\n",
    "group": f"{NAME}:x:{UID}:\n",
    "shadow": f"{NAME}:*:19000:0:99999:7:::\n",
}
SUBORDINATE = dict.fromkeys(("subuid", "subgid"), f"{NAME}:{FIRST_ID}:{IDS}\n")
SUDOERS = f"{NAME} ALL=(ALL) NOPASSWD: ALL\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherUser:
    """A user with a home; `sudo` says how it gets the rights of root, else it has subordinate ids."""

    home: Path
    sudo: bool

    @property
    def root(self) -> Path:
        """Where its dockwright writes everything."""
        return self.home / "-root+é@~"

    def run(self, *argv: str, timeout_s: float, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, with this environment and no more."""
        environ = {
            "PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DOCKWRIGHT_ROOT": str(self.root),
            **env,
        }
        with tempfile.TemporaryDirectory(prefix="dockwright-user-") as folder:
            spec = Path(folder, "spec.json")
            values = {"argv": argv, "env": environ, "home": str(self.home), "sudo": self.sudo}
            spec.write_text(json.dumps({**values, "folder": folder}))
            return subprocess.run(
                ("unshare", "--mount", "--", sys.executable, "-B", __file__, str(spec)),
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )

    def dockwright(self, *words: str, timeout_s: float, **env: str) -> subprocess.CompletedProcess[str]:
        """Run one command of this checkout as this user."""
        argv = (sys.executable, "-m", "ci.cli.main", *words)
        return self.run("env", f"--chdir={CHECKOUT}", *argv, timeout_s=timeout_s, **env)

    def report(self) -> dict[str, Any]:
        """Return the report of its last run."""
        path = max((self.root / "state/runs").iterdir()) / "report.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found


@contextmanager
def other_user(fetched: Path, *, sudo: bool) -> Iterator[OtherUser]:
    """Give a user with the fetched files of the folder `fetched`; all that it made goes afterwards."""
    home = Path(tempfile.mkdtemp(prefix="dockwright-home-", dir="/var/tmp"))
    try:
        user = OtherUser(home=home, sudo=sudo)
        for folder in (home / "run", user.root / "state/inputs"):
            folder.mkdir(parents=True)
        if fetched.is_dir():
            shutil.copytree(fetched, user.root / "state/inputs/content")
        for path in (home, *home.rglob("*")):
            os.chown(path, UID, UID)
        yield user
    finally:
        # not above: as a program this file has no package of the checkout in reach
        from ci.engines.process.runner import Runner
        from ci.run.cleanup.folders import remove_folder

        anyio.run(remove_folder, home, Runner(), ())


def mount(*words: str) -> None:
    subprocess.run(("mount", *words), check=True)


def make_account(folder: Path, home: str, *, sudo: bool) -> None:
    """Give this mount namespace an /etc with the user."""
    upper, work = folder / "etc", folder / "work"
    for path in (upper, work):
        path.mkdir()
    mount("-t", "overlay", "overlay", "-o", f"lowerdir=/etc,upperdir={upper},workdir={work}", "/etc")
    for name, line in ACCOUNT.items():
        with Path("/etc", name).open("a") as file:
            file.write(line.format(home=home))
    if sudo:
        rule = Path("/etc/sudoers.d/dockwright-tests")
        rule.write_text(SUDOERS)
        rule.chmod(0o440)
    else:
        for name, line in SUBORDINATE.items():
            Path("/etc", name).write_text(line)


def uncover(paths: Sequence[Path], folder: Path) -> None:
    """Make `paths` reachable for everyone: cover what only root may enter above them."""
    staged: dict[Path, list[tuple[Path, Path]]] = {}
    for number, path in enumerate(dict.fromkeys(path.resolve() for path in paths)):
        closed = [one for one in (*reversed(path.parents), path) if not one.stat().st_mode & 0o001]
        if not closed:
            continue
        assert closed[-1] != path, f"{path} itself may only be entered by root"
        place = folder / f"path-{number}"
        place.mkdir()
        mount("--bind", str(path), str(place))
        staged.setdefault(closed[0], []).append((path, place))
    for cover, pairs in staged.items():
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(cover))
        for path, place in pairs:
            path.mkdir(parents=True)
            mount("--bind", str(place), str(path))


def main(spec: Path) -> NoReturn:
    """Become the user and run what is asked for."""
    asked = json.loads(spec.read_text())
    folder = Path(asked["folder"], "mounts")
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(folder))
    uncover([Path(sys.base_prefix), Path(sys.prefix), CHECKOUT], folder)
    make_account(folder, asked["home"], sudo=asked["sudo"])
    become = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--")
    os.chdir("/")
    os.execvpe("setpriv", (*become, *asked["argv"]), asked["env"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
