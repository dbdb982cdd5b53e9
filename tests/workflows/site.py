"""A repository with the workflows and a small stack, its origin, a registry, and machines for the jobs."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from ci.catalog.lockfile import parse_python_lock, python_lock_text
from tests.engine.killed_stack import change, killed_stack
from tests.registry.machine import HERE
from tests.registry.proxy import Proxy
from tests.workflows import dagger, gh
from tests.workflows.document import CHECKOUT, Event, workflow
from tests.workflows.runner import Done, Runner

OLD_WHEEL = parse_python_lock(
    "wheel==0.45.1 --hash=sha256:708e7481cc80179af0e556bbf0cc00b8444c7321e2700b8d8580231d13017248 "
    "# wheel-0.45.1-py3-none-any.whl 72494"
).lines[0]
"""A version that an index has beside newer ones; no key of the small stack holds it."""
IDENTITY = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")


@dataclass
class Site:
    """What the tests of the workflows act on, below `folder`."""

    folder: Path
    proxy: Proxy
    variables: dict[str, str] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    """What the environment of every job has beside."""
    cold: tuple[str, ...] = ()
    """Jobs whose machine has an empty store; that of all others is the one that build-all has filled, so that
    no test waits for the base."""
    events: int = 0
    mark: str = field(default_factory=lambda: uuid4().hex)
    """In the content of every image, so that no store has one of it from a run before."""

    @property
    def repository(self) -> Path:
        """Where the tests make their commits."""
        return self.folder / "repository"

    @property
    def stack(self) -> Path:
        return self.repository / "docker"

    def make(self) -> None:
        """Make the repository of what this checkout has, but for its stack, and push it to its origin."""
        self.copy(self.repository, but="docker/")
        killed_stack(self.stack)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("init", "--quiet", "--bare", str(self.folder / "origin"))
        self.git("remote", "add", "origin", str(self.folder / "origin"))
        for name, module in (("dagger", dagger), ("gh", gh)):
            path = self.folder / name / name
            path.parent.mkdir()
            argv = shlex.join([sys.executable, str(Path(str(module.__file__)))])
            path.write_text(f'#!/bin/sh\nexec {argv} "$@"\n')
            path.chmod(0o755)
        (self.folder / "scratch").mkdir()

    def copy(self, target: Path, but: str = "no such folder") -> None:
        """Copy what this checkout has, `but` a folder, as git would commit it."""
        listed = self.git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=CHECKOUT)
        for name in listed.split("\0"):
            if name and not name.startswith(but) and (CHECKOUT / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, target / name, follow_symlinks=False)

    def commit_whole(self, all_of_it: str) -> str:
        """Commit what this checkout has with its own stack, beside main; return the commit.

        In place of .ci/run, which would start these tests again, stands a script that prints `all_of_it`.
        """
        whole = self.folder / "whole"
        self.git("worktree", "add", "--quiet", "--detach", str(whole))
        shutil.rmtree(whole / "docker")
        self.copy(whole)
        (whole / ".ci/run").write_text(f"#!/bin/sh\necho {all_of_it}\n")
        self.git("add", "--all", cwd=whole)
        self.git(*IDENTITY, "commit", "--quiet", "--message", "whole", cwd=whole)
        return self.git("rev-parse", "HEAD", cwd=whole).strip()

    def commit(self, content: str, step: str = '["true"]') -> str:
        """Let each image have `content` and a check that is `step`; return the commit."""
        change(self.stack, f"{content} {self.mark}", step)
        self.git("add", "--all")
        self.git(*IDENTITY, "commit", "--quiet", "--allow-empty", "--message", content)
        return self.git("rev-parse", "HEAD").strip()

    def push(self, content: str, step: str = '["true"]', **more: Any) -> dict[str, Done]:
        """Commit, push to main, and do what that starts."""
        sha = self.commit(content, step)
        return self.happens("push", "refs/heads/main", sha, **more)

    def lock_an_old_wheel(self) -> None:
        """Let the stack's locks be of yesterday."""
        path = self.stack / "wheelhouse.lock"
        lock = parse_python_lock(path.read_text())
        lines = [replace(OLD_WHEEL) if line.name == OLD_WHEEL.name else line for line in lock.lines]
        path.write_text(
            python_lock_text(lines, lock.inputs, path.read_text().splitlines()[0].removeprefix("# "))
        )

    def happens(
        self,
        name: str,
        ref: str,
        sha: str = "HEAD",
        *,
        file: str = "images.yml",
        inputs: Mapping[str, Any] | None = None,
    ) -> dict[str, Done]:
        """Let `ref` be `sha` in the origin, and do what the event starts."""
        self.git("push", "--quiet", "--force", "origin", f"{sha}:{ref}")
        self.events += 1
        event = Event(name, ref, self.git("rev-parse", sha).strip(), inputs or {})
        runner = Runner(
            origin=str(self.folder / "origin"),
            workspace=self.folder / "workspace",
            scratch=self.folder / "scratch",
            programs=self.folder / "gh",
            dagger=self.folder / "dagger",
            variables={
                "DOCKWRIGHT_REGISTRY": f"{self.proxy.host}/team",
                "DOCKWRIGHT_BASE": "bootstrap",
                **self.variables,
            },
            environment=self.environment,
            artifacts=self.folder / "artifacts",
        )
        return runner.run(workflow(file, self.repository), event)

    def environment(self, job: str) -> dict[str, str]:
        logs = {module.LOG: str(self.folder / f"{name}.log") for name, module in LOGS.items()}
        root = str(self.folder / "roots" / f"{self.events}-{job}") if job in self.cold else HERE
        return {
            **logs,
            "PYTEST_ADDOPTS": "--collect-only --quiet --quiet",
            "MYPY_CACHE_DIR": str(CHECKOUT / ".mypy_cache"),
            **({"DOCKWRIGHT_ROOT": root} if root else {}),
            **self.more,
        }

    def calls(self, name: str) -> list[list[str]]:
        """Return the calls of a stand-in so far."""
        path = self.folder / f"{name}.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def tags(self) -> dict[str, set[str]]:
        """Return the tags in the registry, by repository without the namespace."""
        names = self.get("_catalog")["repositories"]
        return {
            name.partition("/")[2]: set(self.get(f"{name}/tags/list").get("tags") or ()) for name in names
        }

    def get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://{self.proxy.upstream}/v2/{path}") as reply:
            value: dict[str, Any] = json.loads(reply.read())
        return value

    def release(self, tag: str = "current") -> str:
        """Return the digest of a release; empty where there is none."""
        url = f"http://{self.proxy.upstream}/v2/team/release/manifests/{tag}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD")) as reply:
                return str(reply.headers["Docker-Content-Digest"])
        except urllib.error.HTTPError:
            return ""

    def git(self, *words: str, cwd: Path | None = None) -> str:
        folder = cwd or self.repository
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            ("git", *words),
            cwd=folder,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.decode()


LOGS = {"dagger": dagger, "gh": gh}
