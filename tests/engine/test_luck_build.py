"""`dockwright build` under bad luck: what it says, what it ends with, and that the next run is whole."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from ci.settings import Settings
from ci.wheelhouse.manifest import read_manifest, verify
from tests.engine.luck import Served, sdist, sha, wheel
from tests.engine.luck_stack import LuckStack

pytestmark = pytest.mark.engine

THING = "thing-1.0-py3-none-any.whl"
BUILD = ("build", "luck", "--progress", "plain")
BACKEND = b"""\
import subprocess

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    import pathlib
    info = pathlib.Path(metadata_directory, "broken-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: broken\\nVersion: 1.0\\n")
    return info.name

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    subprocess.run(["g++", "-c", "broken.cpp"], check=True)
"""


def unlike(tmp_path: Path) -> int:
    """Return a size that no other test's distribution has, so that nothing kept is found."""
    return 200 + int(sha(str(tmp_path).encode())[:4], 16)


def offer(stack: LuckStack, served: Served, tmp_path: Path) -> bytes:
    data = wheel("thing", unlike(tmp_path))
    stack.add(served.add("thing", THING, data))
    return data


def test_an_index_that_is_busy_for_a_moment_is_said_and_survived(
    stack: LuckStack, served: Served, tmp_path: Path
) -> None:
    offer(stack, served, tmp_path)
    served.faults[f"/files/{THING}"] = ["503", "reset"]
    done = stack.dockwright(*BUILD, served=served)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert f"{THING}: the answer was 503 Service Unavailable; try 2 of 5" in said
    assert f"{THING}: the connection broke after" in said


def test_an_index_that_cannot_be_reached_ends_the_build_with_its_address(
    stack: LuckStack, served: Served, tmp_path: Path
) -> None:
    offer(stack, served, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        served.url = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = stack.dockwright(*BUILD, served=served)
    assert done.returncode == 4, done.stdout + done.stderr
    assert f"{THING}: {served.url}/simple/thing/: no connection (Connection refused)" in done.stdout
    assert "dockwright doctor" in done.stdout


def test_a_wheel_with_another_hash_is_named_with_both(
    stack: LuckStack, served: Served, tmp_path: Path
) -> None:
    expected = sha(offer(stack, served, tmp_path))
    served.bodies[f"/files/{THING}"] = b"other bytes"
    done = stack.dockwright(*BUILD, served=served)
    assert done.returncode == 4, done.stdout + done.stderr
    assert f"{THING}: its lock has sha256 {expected}" in done.stdout
    assert f"has {sha(b'other bytes')}" in done.stdout


def test_an_sdist_that_does_not_compile_shows_its_compilers_last_lines_and_the_log(
    stack: LuckStack, served: Served
) -> None:
    project = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    files = {"pyproject.toml": project, "backend.py": BACKEND, "broken.cpp": b"int main( { no_luck }\n"}
    stack.add(served.add("broken", "broken-1.0.tar.gz", sdist("broken", files)))
    done = stack.dockwright(*BUILD, served=served)
    assert done.returncode == 6, done.stdout + done.stderr
    assert "broken-1.0.tar.gz: does not compile" in done.stdout
    assert "no_luck" in done.stdout
    assert "wheelhouse.apt" in done.stdout
    (log,) = set(re.findall(r"/\S+/logs/wheelhouse-cpu\.log", done.stdout))
    assert "broken.cpp:1" in Path(log).read_text()


@pytest.mark.parametrize("what", ["truncated wheel", "edited list", "edited manifest", "no manifest"])
def test_a_damaged_wheelhouse_is_found_and_made_whole(
    stack: LuckStack, served: Served, tmp_path: Path, settings: Settings, what: str
) -> None:
    offer(stack, served, tmp_path)
    words = ("wheelhouse", "--variant", "cpu")
    assert stack.dockwright(*words, served=served).returncode == 0
    house = settings.state / "inputs/wheelhouse/cpu"
    before = read_manifest(house)
    match what:
        case "truncated wheel":
            (house / "wheels" / THING).write_bytes(b"PK")
        case "edited list":
            (house / "lists/luck.txt").write_text("")
        case "edited manifest":
            text = (house / "manifest.json").read_text()
            (house / "manifest.json").write_text(text.replace('"luck"', '"duck"'))
        case _:
            (house / "manifest.json").unlink()
    done = stack.dockwright(*words, served=served)
    assert done.returncode == 0, done.stderr
    assert read_manifest(house) == before
    assert verify(before, {}) == []
    assert len(served.asked_for(THING)) == (2 if what == "truncated wheel" else 1)


def test_a_damaged_bundle_is_refused_with_a_sentence(
    stack: LuckStack, served: Served, tmp_path: Path
) -> None:
    offer(stack, served, tmp_path)
    bundle = tmp_path / "bundle"
    done = stack.dockwright("wheelhouse", "--variant", "cpu", "--export", str(bundle), served=served)
    assert done.returncode == 0, done.stderr
    (bundle / "wheelhouse/cpu/lists/luck.txt").write_text("")
    done = stack.dockwright(*BUILD, "--wheelhouse", str(bundle))
    assert done.returncode == 4, done.stdout + done.stderr
    assert f"{bundle}/wheelhouse/cpu/lists/luck.txt: sha256 is" in done.stdout
    assert "export it again with `dockwright wheelhouse --export`" in done.stdout


@pytest.mark.parametrize(("change", "where"), [("sha256:", "sha256:0"), ("==1.0", "==1.1"), ("\n", "")])
def test_a_lock_that_was_edited_by_hand_is_refused_before_anything_runs(
    stack: LuckStack, served: Served, tmp_path: Path, change: str, where: str
) -> None:
    offer(stack, served, tmp_path)
    head, last = stack.lock.read_text().rstrip().rsplit("\n", 1)
    edited = "" if change == "\n" else re.sub(f"{re.escape(change)}.", where, last, count=1)
    stack.lock.write_text(f"{head}\n{edited}\n")
    for words in (BUILD, ("plan",)):
        done = stack.dockwright(*words, served=served)
        assert done.returncode == 2
        assert "stack/luck/requirements.lock: line" in done.stderr
        assert "run `dockwright lock`" in done.stderr
    assert served.asked == []
