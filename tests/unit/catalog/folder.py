"""A small stack directory on disk without errors, and ways to add one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from ci.catalog.load import load_stack
from ci.catalog.lockfile import (
    apt_lock_text,
    inputs_digest,
    packages_digest,
    parse_python_lock,
    python_lock_text,
)
from ci.catalog.stack import Stack
from ci.errors import CatalogError
from tests.stacks import deb, wheel

STACK = """\
name = "small"
namespace = "team/small"
python = "3.11"
variants = ["cpu", "cuda"]
licenses = "MIT"
base = "auto"

[user]
name = "app"
uid = 1000
gid = 1000

[bootstrap]
suite = "bookworm"
packages = ["python3", "tzdata"]

[wheelhouse]
uv = "0.13.9"
apt = ["g++"]
"""
OUTSIDE = '[python]\nreference = "docker.io/library/python"\ntag = "3.11-slim"\ndigest = "sha256:{digest}"\n'
BASE = """\
title = "Base"
description = "What all share."
apt = ["tini"]
env = { LANG = "C.UTF-8" }

[parent]
cpu = "outside:python"
cuda = "base:cpu"

[[files]]
source = "contract"
target = "/opt/app/contract"

[variant.cuda]
env = { GPU = "all" }
"""
TOOL = """\
title = "Tool"
description = "A program."
entrypoint = ["python", "/opt/app/tool.py"]

[parent]
cpu = "base"

[[files]]
source = "tool.py"
target = "/opt/app/"
"""


class StackFolder:
    """A stack directory named `docker`: base:cpu ← (base:cuda, tool:cpu), every lock fresh."""

    def __init__(self, parent: Path) -> None:
        self.path = parent / "docker"
        self.write("stack.toml", STACK)
        self.write("bases.lock.toml", OUTSIDE.format(digest="d" * 64))
        self.apt_lock("bootstrap.lock", ["python3", "tzdata"])
        self.apt_lock("wheelhouse.apt.lock", ["g++"])
        self.python("wheelhouse.in", "wheelhouse.lock", ["setuptools"])
        self.write("base/image.toml", BASE)
        self.write("base/contract/stage.py", "A = 1\n")
        self.apt_lock("base/apt.lock", ["tini"])
        self.python("base/requirements.in", "base/requirements.lock", ["numpy"])
        self.write("tool/image.toml", TOOL)
        self.write("tool/tool.py", "print()\n")
        self.python("tool/requirements.in", "tool/requirements.lock", ["scipy"])

    def write(self, name: str, text: str | bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.path / name).read_text()
        assert old in text, (name, old)
        self.write(name, text.replace(old, new))

    def append(self, name: str, text: str) -> None:
        self.write(name, (self.path / name).read_text() + text)

    def apt_lock(self, name: str, packages: Iterable[str], locked: Iterable[str] | None = None) -> None:
        asked = list(packages)
        lines = [deb(package) for package in (asked if locked is None else locked)]
        self.write(name, apt_lock_text(lines, packages_digest(asked), "A title."))

    def python(
        self, asked: str, lock: str, names: Iterable[str], locked: Iterable[str] | None = None
    ) -> None:
        """Ask for `names` and lock them (or `locked`)."""
        wanted = list(names)
        self.write(asked, "".join(f"{name}\n" for name in wanted))
        self.relock(asked, lock, wanted if locked is None else locked)

    def relock(self, asked: str, lock: str, names: Iterable[str]) -> None:
        inputs = inputs_digest((self.path / asked).read_bytes())
        self.write(lock, python_lock_text([wheel(name) for name in names], inputs, "A title."))

    def lock_names(self, name: str) -> list[str]:
        return [line.name for line in parse_python_lock((self.path / name).read_text()).lines]

    def load(self) -> Stack:
        return load_stack(self.path)

    @property
    def errors(self) -> list[str]:
        """What loading reports: `FILE: KEY: what; hint` for each error."""
        with pytest.raises(CatalogError) as caught:
            load_stack(self.path)
        return with_hints(str(caught.value))


def with_hints(text: str) -> list[str]:
    """Return each error of `text` as `FILE: KEY: what; hint`; a hint is for all errors above without one."""
    found: list[str] = []
    complete = 0
    for line in text.splitlines():
        if line.lstrip().startswith("hint: "):
            found[complete:] = [f"{one}; {line.lstrip().removeprefix('hint: ')}" for one in found[complete:]]
            complete = len(found)
        else:
            found.append(line)
    return found
