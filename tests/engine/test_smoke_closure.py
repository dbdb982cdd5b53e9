"""The search for libraries says of this machine's own programs what its loader says."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from ci.smoke.program.closure import Seen, load, loader, objects_under

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("ldd") is None, reason="there is no ldd to compare with"),
]
FOLDERS = ("/usr/bin", "/usr/lib/x86_64-linux-gnu")
COMPARED = 400
AT_ONCE = 50


def by_ldd(paths: list[str]) -> dict[str, dict[str, str]]:
    """Return what ldd says that each object gets by each name, an empty string for nothing."""
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(paths), AT_ONCE):
        # with one file alone ldd does not print its name
        argv = ("ldd", "/bin/true", *paths[start : start + AT_ONCE])
        text = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        names: dict[str, str] = {}
        for line in text.splitlines():
            if line and not line[0].isspace():
                names = found.setdefault(line.rstrip(":"), {})
            elif " => " in line:
                name, _, path = line.strip().partition(" => ")
                names[name] = "" if path == "not found" else os.path.realpath(path.split(" (")[0])
    return found


def test_it_finds_what_ldd_finds_and_misses_what_ldd_misses() -> None:
    find = loader(dict(os.environ))
    every = sorted(path for path in objects_under(FOLDERS) if find.read(path) is not None)
    paths = every[:: max(1, len(every) // COMPARED)]
    said = by_ldd(paths)
    differ = {}
    for path in paths:
        root, seen = find.read(path), Seen()
        assert root is not None
        ours = {name: os.path.realpath(one.path) for name, one in load(root, find, seen).items()}
        ours |= {name: "" for _, name in seen.missing}
        theirs = {name: place for name, place in said[path].items() if not name.startswith("ld-linux")}
        if theirs != {name: ours.get(name) for name in theirs}:
            differ[path] = (theirs, ours)
        assert set(theirs.values()) >= {place for place in ours.values() if "/ld-linux" not in place}
    assert differ == {}
    assert len(paths) >= COMPARED // 2


def test_the_loaders_own_cache_is_read() -> None:
    cached = loader({}).cached
    assert any(os.path.realpath(path).startswith("/usr/lib") for path in cached["libc.so.6"])
