"""Fetching by hash from a server that fails: bounded, said aloud, nothing half-written ever trusted."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ci.wheelhouse.program import fetch_wheels
from ci.wheelhouse.program.client import Client, RetryPolicy
from ci.wheelhouse.program.content_store import ContentStore, open_content_store
from ci.wheelhouse.program.failure import FetchingError
from ci.wheelhouse.program.index import Index
from ci.wheelhouse.program.line import Line
from ci.wheelhouse.program.transfer import Transfer, Wanted
from tests.engine.luck import Fault, Served, wheel
from tests.hang import HANG_S

pytestmark = pytest.mark.engine

BIG = 200_000
FILE = "thing-1.0-py3-none-any.whl"
PATH = f"/files/{FILE}"


class Trial:
    """One fetch of `thing` into a folder of its own; `said` is what a user would read."""

    def __init__(self, folder: Path, index: str, lines: list[str], stall_s: float = 5.0) -> None:
        self.store: ContentStore = open_content_store(folder, {})
        self.said: list[str] = []
        client = Client(
            self.said.append,
            RetryPolicy(stall_s=stall_s, tries=3, pause_s=0.01),
            named=frozenset({"127.0.0.1"}),
        )
        pages = Index(index, client)
        wanted = [
            Wanted(
                file=line.file,
                sha256=line.sha256,
                address=lambda line=line: pages.address(line.name, line.file),  # type: ignore[misc]
            )
            for line in map(Line.of, lines)
        ]
        self._client, self._wanted = client, wanted

    def run(self) -> None:
        Transfer(self.store, self._client).fetch(self._wanted)

    def fails(self) -> FetchingError:
        with pytest.raises(FetchingError) as caught:
            self.run()
        assert list(self.store.folder.iterdir()) == []
        return caught.value


def trial(tmp_path: Path, served: Served, *faults: Fault, stall_s: float = 5.0) -> Trial:
    data = wheel("thing", BIG)
    line = served.add("thing", FILE, data)
    served.faults[PATH] = list(faults)
    return Trial(tmp_path, f"{served.url}/simple", [line], stall_s)


def test_a_server_that_is_busy_for_a_moment_is_asked_again_and_that_is_said(
    tmp_path: Path, served: Served
) -> None:
    one = trial(tmp_path, served, "503")
    one.run()
    assert one.said == [f"{FILE}: the answer was 503 Service Unavailable; try 2 of 3"]
    assert len(served.asked_for(FILE)) == 2


def test_an_index_that_stays_busy_is_an_error_with_file_and_address(tmp_path: Path, served: Served) -> None:
    one = trial(tmp_path, served)
    served.faults["/simple/thing/"] = ["503"] * 10
    error = one.fails()
    assert error.kind == "fetch"
    where = f"{FILE}: {served.url}/simple/thing/: the answer was 503"
    assert error.text.startswith(where)
    assert "tried 3 times" in error.text
    assert error.hint.startswith("`dockwright doctor` checks")


def test_an_index_that_cannot_be_reached_is_an_error_with_file_and_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://user:secret@127.0.0.1:{free.getsockname()[1]}/simple"
    error = Trial(tmp_path, url, [f"thing==1.0 --hash=sha256:{'0' * 64} # {FILE}"]).fails()
    assert "Connection refused" in error.text
    assert "/simple/thing/" in error.text
    assert "secret" not in error.text


def test_a_connection_that_breaks_in_mid_file_goes_on_from_there(tmp_path: Path, served: Served) -> None:
    one = trial(tmp_path, served, "reset")
    one.run()
    assert "the connection broke after" in one.said[0]
    first, second = served.asked_for(FILE)
    assert first == ""
    assert int(second.removeprefix("bytes=").rstrip("-")) > 0


def test_a_body_that_ends_too_early_is_no_wrong_hash(tmp_path: Path, served: Served) -> None:
    one = trial(tmp_path, served, "cut", "no-range")
    one.run()
    assert "the connection ended after" in one.said[0]


def test_a_server_that_falls_silent_is_given_up_after_a_while(tmp_path: Path, served: Served) -> None:
    error = trial(tmp_path, served, "stall", "stall", "stall", stall_s=0.3).fails()
    assert "nothing came for 0.3 s; tried 3 times" in error.text


def test_a_server_that_hardly_moves_counts_as_silent(tmp_path: Path, served: Served) -> None:
    one = trial(tmp_path, served, "trickle", stall_s=0.3)
    one.run()
    assert "bytes came in" in one.said[0]


def test_a_file_that_was_replaced_is_told_with_both_hashes_and_not_kept(
    tmp_path: Path, served: Served
) -> None:
    one = trial(tmp_path, served)
    other = wheel("thing", BIG - 2)
    expected = Line.of(served.add("thing", FILE, wheel("thing", BIG))).sha256
    actual = Line.of(served.add("thing", FILE, other)).sha256
    error = one.fails()
    assert error.kind == "hash"
    assert error.text.startswith(
        f"{FILE}: its lock has sha256 {expected}, but {served.url}{PATH} has {actual}"
    )
    assert list(one.store.partial.iterdir()) == []


def test_a_file_that_is_gone_is_told_as_gone(tmp_path: Path, served: Served) -> None:
    one = trial(tmp_path, served, "404")
    error = one.fails()
    assert (error.kind, error.unavailable) == ("unavailable", (FILE,))
    served.faults["/simple/thing/"] = ["404"]
    error = trial(tmp_path, served).fails()
    assert (error.kind, error.unavailable) == ("unavailable", (FILE,))


def document(folder: Path, served: Served) -> Path:
    """Write an input document of two distributions and return its path."""
    uv = wheel("uv", files={"uv-1.0.data/scripts/uv": b"#!/bin/sh\n"})
    builder = [served.add("uv", "uv-1.0-py3-none-any.whl", uv)]
    lists = {
        "app": [served.add("thing", FILE, wheel("thing", BIG))],
        "other": [served.add("more", "more-1.0-py3-none-any.whl", wheel("more"))],
    }
    path = folder / "input.json"
    value = {"input": "i", "builder": builder, "lists": lists, "builds": {}, "known": {}}
    path.write_text(json.dumps(value))
    return path


def program(tmp_path: Path, served: Served, variant: str = "cpu") -> subprocess.Popen[str]:
    """Start the program that fills the wheelhouse of a variant; its TMPDIR is a folder of its own."""
    (tmp_path / "tmp").mkdir(exist_ok=True)
    words = [str(document(tmp_path, served)), str(tmp_path / "inputs"), f"wheelhouse/{variant}"]
    return subprocess.Popen(
        [sys.executable, "-I", "-B", fetch_wheels.__file__, *words],
        env={**os.environ, "PIP_INDEX_URL": f"{served.url}/simple", "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_killed_fetch_leaves_nothing_in_tmpdir_and_the_next_goes_on(tmp_path: Path, served: Served) -> None:
    served.faults[PATH] = ["stall"]
    killed = program(tmp_path, served)
    parts = tmp_path / "inputs/partial"
    deadline = time.monotonic() + HANG_S
    while not any(path.stat().st_size >= BIG // 2 for path in parts.glob("*.part")):
        assert time.monotonic() < deadline, "nothing arrived"
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "inputs/wheelhouse/cpu/manifest.json").exists()
    again = program(tmp_path, served)
    out, _ = again.communicate(timeout=HANG_S)
    assert again.returncode == 0, out
    assert served.asked_for(FILE)[1].startswith("bytes=")
    assert list(parts.iterdir()) == []
    stored = {path.stat().st_ino for path in (tmp_path / "inputs/content").iterdir()}
    wheels = {path.stat().st_ino for path in (tmp_path / "inputs/wheelhouse/cpu/wheels").iterdir()}
    assert wheels < stored


def test_two_variants_at_once_bring_each_file_once(tmp_path: Path, served: Served) -> None:
    both = [program(tmp_path, served), program(tmp_path, served, "cuda")]
    outs = [each.communicate(timeout=HANG_S)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], outs
    assert served.asked_for(FILE) == [""]
    wheels = [tmp_path / "inputs/wheelhouse" / variant / "wheels" / FILE for variant in ("cpu", "cuda")]
    assert wheels[0].samefile(wheels[1])


def test_a_file_that_changed_where_it_is_kept_is_fetched_again(tmp_path: Path, served: Served) -> None:
    program(tmp_path, served).communicate(timeout=HANG_S)
    copy = tmp_path / "inputs/wheelhouse/cpu/wheels" / FILE
    whole = copy.read_bytes()
    copy.write_bytes(whole[: BIG // 2])
    out = program(tmp_path, served).communicate(timeout=HANG_S)[0]
    assert "3 distributions, 1 to fetch" in out
    assert copy.read_bytes() == whole
