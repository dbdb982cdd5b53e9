"""A secret that opens a registry is found in nothing that is written, said, listed or stored."""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest
import zstandard

from ci.engines.process.privilege import find_privilege
from ci.engines.process.runner import Runner
from ci.run.cleanup.folders import remove_folder
from tests.engine.killed_stack import change, killed_stack
from tests.registry.machine import HERE, Machine
from tests.registry.server import SECRET, USER, basic, registry, token_server
from tests.registry.watch import holding, watched

pytestmark = pytest.mark.engine
ENCODED = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
"""The secret as a header, or a file of credentials, has it."""


def by_environment(folder: Path, host: str) -> dict[str, str]:
    return {
        f"DOCKWRIGHT_{purpose}_{name}": value
        for purpose in ("REGISTRY", "RELEASE")
        for name, value in (("USER", USER), ("PASSWORD", SECRET))
    }


def by_file(folder: Path, host: str) -> dict[str, str]:
    return config(folder, {"auths": {host: {"auth": ENCODED}}})


def by_helper(folder: Path, host: str) -> dict[str, str]:
    program = folder / "docker-credential-tests"
    answer = json.dumps({"ServerURL": host, "Username": USER, "Secret": SECRET})
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    program.chmod(0o755)
    return {**config(folder, {"credHelpers": {host: "tests"}}), "PATH": f"{folder}:{os.environ['PATH']}"}


def config(folder: Path, value: dict[str, object]) -> dict[str, str]:
    """Write Docker's configuration, and let no other place be looked at."""
    (folder / "config.json").write_text(json.dumps(value))
    return {"DOCKER_CONFIG": str(folder), "REGISTRY_AUTH_FILE": "", "XDG_RUNTIME_DIR": str(folder)}


@pytest.fixture
def cold(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(str(tmp_path / "cold"), killed_stack(tmp_path / "stack"))
    change(machine.stack, str(tmp_path))
    yield machine
    anyio.run(remove_folder, Path(machine.root), Runner(), find_privilege().prefix)


@pytest.mark.slow(reason="it builds, publishes and promotes, and searches all that was written")
@pytest.mark.parametrize(
    ("given", "by_token"),
    [(by_environment, False), (by_file, True), (by_helper, False)],
    ids=["environment-basic", "file-token", "helper-basic"],
)
def test_a_secret_is_in_nothing_that_is_written_said_listed_or_stored(
    tmp_path: Path, cold: Machine, given: Callable[[Path, str], dict[str, str]], by_token: bool
) -> None:
    folder, own = tmp_path / "registry", tmp_path / "own"
    own.mkdir()
    with ExitStack() as stack:
        auth = stack.enter_context(token_server(tmp_path / "tokens"))[1] if by_token else basic(folder)
        running = stack.enter_context(registry(folder, auth=auth))
        full = Machine(HERE, cold.stack, given(own, running.host))
        cold.more = full.more
        place = f"{running.host}/team"
        words = ("--variant", "cpu", "--registry", place)
        with watched(SECRET, ENCODED) as listed:
            # the one pushes the base, the other fetches it, builds on it, pushes and publishes
            ran = full.build(place, "--cache", "read-write", images=("base",))
            done = [
                cold.dockwright("publish", *words, "--version", "1.0", "--bootstrap-base"),
                cold.dockwright("verify", "--registry", place),
                cold.dockwright("promote", place, f"{running.host}/production"),
                cold.dockwright("explain", "base:cpu", "--registry", place, "--from", "registry"),
                cold.dockwright("gc", "--registry", place, "--older-than", "0", "--yes"),
            ]
        assert ran.status == 0, ran.text
        assert [one.returncode for one in done] == [0] * 5, done
        assert ran.report["warnings"] == []
        text = ran.text + "".join(one.stdout + one.stderr for one in done)
        for word in (SECRET, ENCODED):
            assert word not in listed
            assert word not in text
            assert holding(word, Path(cold.root), ran.path.parent, running.data) == set()
    # what was looked through is what these commands wrote
    (report,) = Path(cold.root, "state/runs").glob("*/report.json")
    assert holding("push/kill-one:cpu", Path(cold.root)) >= {report, report.with_name("events.jsonl")}
    content = f"kill-one 0 {tmp_path}"
    assert holding(content, running.data), "the layers in the registry were not looked into"


def test_what_is_looked_for_would_be_found(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / SECRET).mkdir(parents=True)
    planted = b"x" * 2**20 + SECRET.encode() + b"x" * 2**20
    files = {"plain": planted, "zstd": zstandard.compress(planted), "gzip": gzip.compress(planted)}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "other").write_bytes(zstandard.compress(b"something else"))
    assert holding(SECRET, folder) == {folder / name for name in (SECRET, *files)}
