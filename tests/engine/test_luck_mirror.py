"""A locked Debian package that the mirror no longer has, on Debian's own mirror: locked anew, or refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ci.catalog.lockfile import apt_lock_text, packages_digest
from ci.catalog.stack import DebLine
from tests.engine.luck_stack import LuckStack, luck_stack
from tests.engine.test_luck_build import BUILD

pytestmark = pytest.mark.engine

GONE = DebLine(
    name="hello",
    version="2.10-1",
    arch="amd64",
    sha256="0" * 64,
    size=1000,
    path="pool/main/h/hello/hello_2.10-1_amd64.deb",
)
FILE = "hello_2.10-1_amd64.deb"


@pytest.fixture
def stack(tmp_path: Path) -> LuckStack:
    """Return a stack whose image locks a version that Debian had years ago."""
    stack = luck_stack(tmp_path / "stack")
    toml = stack.path / "luck/image.toml"
    check = '\n[smoke]\ncommands = [["/usr/bin/hello", "--version"]]\n'
    toml.write_text('apt = ["hello"]\n' + toml.read_text() + check)
    text = apt_lock_text([GONE], packages_digest(["hello"]), "Debian packages that hello brings.")
    (stack.path / "luck/apt.lock").write_text(text)
    return stack


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def report_of(output: str) -> dict[str, Any]:
    (path,) = re.findall(r"report: (\S+report\.json)", output)
    value: dict[str, Any] = json.loads(Path(path).read_text())
    return value


def test_a_package_that_is_gone_is_locked_anew_for_the_run_and_that_is_said_loudly(stack: LuckStack) -> None:
    before = files(stack.path)
    done = stack.dockwright(*BUILD)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert f"LOCKED AGAIN FOR THIS RUN: the mirror no longer has {FILE}" in done.stderr
    assert re.search(r"luck/apt\.lock: hello 2\.10-1 -> 2\.10-\d", done.stderr), said
    assert "run `dockwright lock`" in done.stderr
    assert files(stack.path) == before
    report = report_of(done.stdout)
    assert any("LOCKED AGAIN" in text for text in report["warnings"])
    (row,) = [row for row in report["images"] if row["task"] == "luck:cpu"]
    planned = json.loads(stack.dockwright("plan", "--json", "luck").stdout)
    (own,) = [image for image in planned["images"] if image["image"] == "luck"]
    assert row["key"] != own["key"]
    assert "2.10-1" not in json.dumps(row)


def test_frozen_refuses_what_is_gone(stack: LuckStack) -> None:
    for words in ((*BUILD, "--frozen"), ("wheelhouse", "--variant", "cpu", "--frozen")):
        done = stack.dockwright(*words)
        assert done.returncode == 3, done.stdout + done.stderr
        assert f"{FILE}: http" in done.stderr
        assert "the answer was 404 Not Found" in done.stderr
        assert "`--frozen` builds only what the locks name" in done.stderr
        assert "LOCKED AGAIN" not in done.stderr
