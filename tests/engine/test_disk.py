"""Disks that are too small, or fill up: refused before work, ended clearly, whole in the next run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from ci.engines.choose import choose_engine
from ci.engines.process.runner import Runner
from ci.settings import Settings
from tests.engine.luck import Served, wheel
from tests.engine.luck_stack import CHECKOUT, LuckStack, luck_stack

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root"),
]

BUILD = ("build", "luck", "--progress", "plain")
MB = 10**6
SLOW = '\n[smoke]\ncommands = [["sleep", "2"]]\n'


def offer(stack: LuckStack, served: Served, name: str) -> None:
    """Give the image one distribution that no other test has, so that its layer is made here."""
    data = wheel(name, 3000, {"mark.txt": os.urandom(16)})
    stack.add(f"{served.add(name, f'{name}-1.0-py3-none-any.whl', data)} {len(data)}")


@pytest.fixture
def stack(tmp_path: Path, served: Served, settings: Settings) -> LuckStack:
    """A stack of which all but one image is in the store, the one that fetches and compiles too."""
    made = luck_stack(tmp_path / "stack")
    built = made.dockwright("build", "base", "--variant", "cpu", served=served)
    assert built.returncode == 0, built.stdout + built.stderr
    engine = choose_engine(settings.with_(engine="buildah"), Runner())
    if not any("/builder:" in name for name in anyio.run(engine.images)):
        offer(made, served, "first")
        built = made.dockwright(*BUILD, served=served)
        assert built.returncode == 0, built.stdout + built.stderr
    offer(made, served, "thing")
    with (made.path / "luck/image.toml").open("a") as toml:
        toml.write(SLOW)
    return made


def on_small_disk(tmpdir: Path, size_mb: int) -> tuple[str, ...]:
    """Return what runs a command whose temporary files lie on a small disk that only it sees."""
    script = f'mount -t tmpfs -o size={size_mb}m tmpfs "$1"; shift; exec "$@"'
    return ("unshare", "--mount", "--", "sh", "-ec", script, "sh", str(tmpdir))


def environment(stack: LuckStack, served: Served, **more: str) -> dict[str, str]:
    index = f"{served.url}/simple"
    return {**os.environ, "DOCKWRIGHT_STACK": str(stack.path), "PIP_INDEX_URL": index, **more}


def last_report(settings: Settings) -> dict[str, Any]:
    runs = sorted((settings.state / "runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    value: dict[str, Any] = json.loads((runs[-1] / "report.json").read_text())
    return value


def digest_of(report: dict[str, Any]) -> str:
    return next(str(row["digest"]) for row in report["images"] if row["task"] == "luck:cpu")


def test_a_disk_that_is_too_small_is_refused_before_any_work(
    stack: LuckStack, served: Served, settings: Settings
) -> None:
    settings.tmpdir.mkdir(parents=True, exist_ok=True)
    runs = sorted((settings.state / "runs").iterdir())
    done = stack.dockwright(*BUILD, served=served, prefix=on_small_disk(settings.tmpdir, 100))
    assert done.returncode == 8, done.stdout + done.stderr
    assert re.search(r"to fetch: 1 file, \d\.\d\d kB", done.stderr)
    assert f"free at {settings.tmpdir} (temporary files)" in done.stderr
    refusal = r"not enough disk space for this run: it needs about 5\d\d MB, and \d+ MB are free at "
    assert re.search(refusal, done.stderr)
    for words in ("`dockwright gc`", "`--root DIR`", "`--ignore-disk`"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted((settings.state / "runs").iterdir()) == runs
    dry = stack.dockwright(*BUILD, "--dry-run", served=served, prefix=on_small_disk(settings.tmpdir, 100))
    assert dry.returncode == 0
    assert "it would be refused: not enough disk space for this run" in dry.stdout


def test_a_disk_that_fills_in_the_middle_ends_the_run_and_the_next_one_is_whole(
    stack: LuckStack, served: Served, settings: Settings
) -> None:
    settings.tmpdir.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        (*on_small_disk(settings.tmpdir, 200), sys.executable, "-m", "ci.cli.main", *BUILD),
        env=environment(stack, served, DOCKWRIGHT_DISK_FLOOR_MB="50"),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.rstrip().endswith("checks") and "luck:cpu" in line:
                # the disk as that process sees it
                Path(f"/proc/{process.pid}/root{settings.tmpdir}/fill").write_bytes(bytes(180 * MB))
    text = "".join(said)
    assert process.returncode == 8, text
    assert f"the disk at {settings.tmpdir} (temporary files) is full: " in text
    assert "hint: free some space (`dockwright gc`" in text
    assert "Traceback" not in text
    report = last_report(settings)
    assert report["exit_code"] == 8
    assert report["disk"]["peak_bytes"] >= 180 * MB
    assert report["disk"]["lowest_free_bytes"] < 50 * MB
    done = stack.dockwright(*BUILD, served=served)
    assert done.returncode == 0, done.stdout + done.stderr
    after = digest_of(last_report(settings))
    undisturbed = stack.dockwright(*BUILD, "--rebuild", served=served)
    assert undisturbed.returncode == 0, undisturbed.stdout + undisturbed.stderr
    assert digest_of(last_report(settings)) == after
