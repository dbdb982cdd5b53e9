"""Wheels that are made of sdists here, and which file came of which wheel-build key."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from .content_store import ContentStore, write_atomically
from .failure import FetchingError
from .line import Line

EPOCH = "315532800"
"""1980: the first moment that a zip archive, and so a wheel, can name."""
PLAIN = "-g0"
"""Debian's Python asks for debug information, which names the folder of the sources: a new one each time."""
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


class Compiled:
    """What was compiled: `folder/KEY.json` names the file, which is kept by its hash like every other."""

    def __init__(self, folder: Path, kept: ContentStore) -> None:
        self._folder, self._kept = folder, kept
        folder.mkdir(parents=True, exist_ok=True)

    def find(self, key: str) -> Line | None:
        """Return the wheel that was made under this key; None where it is not there any more, by hash."""
        try:
            value = json.loads((self._folder / f"{key}.json").read_text())
            line = Line(requirement=value["requirement"], sha256=value["sha256"], file=value["file"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return line if self._kept.holds(line.sha256) else None

    def add(self, key: str, made: tuple[Line, Path]) -> Line:
        """Keep a wheel under its key and return its line."""
        sdist, wheel = made
        line = replace(sdist, sha256=self._kept.add(wheel), file=wheel.name)
        value = {"requirement": line.requirement, "sha256": line.sha256, "file": line.file}
        write_atomically(self._folder / f"{key}.json", json.dumps(value) + "\n")
        return line


class Builder:
    """An environment below `place` of exactly the locked build requirements."""

    def __init__(self, place: Path, requirements: list[Line], kept: ContentStore) -> None:
        self._place, self._kept = place, kept
        found = place / "found"
        for folder in (found, place / "tmp"):
            folder.mkdir(parents=True)
        self._environment = {**os.environ, "TMPDIR": str(place / "tmp")}
        subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
        self._python = str(place / "venv/bin/python")
        for line in requirements:
            kept.place(line.sha256, found / line.file)
        text = place / "requirements.txt"
        text.write_text("".join(f"{line.text}\n" for line in requirements))
        words = ["install", "--quiet", "--no-deps", "--require-hashes", "--no-index", "--no-cache-dir"]
        words += ["--no-compile"]  # most of it is never imported
        argv = [self._python, *PIP, *words, "--find-links", str(found), "-r", str(text)]
        subprocess.run(argv, check=True, env=self._environment)

    def compile(self, line: Line) -> tuple[Line, Path]:
        """Compile one sdist and return it with its wheel, whose times are fixed: same inputs, same bytes.

        Raises:
            FetchingError: it does not compile; its compiler's output was printed.
        """
        source, target = self._place / line.file, self._place / "made" / line.name
        self._kept.place(line.sha256, source)
        environment = {**self._environment, "SOURCE_DATE_EPOCH": EPOCH, "PYTHONHASHSEED": "0"}
        environment |= {"CFLAGS": PLAIN, "CXXFLAGS": PLAIN, "LDFLAGS": "-Wl,--build-id=none"}
        environment["PATH"] = f"{Path(self._python).parent}:{environment['PATH']}"
        words = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir", "--wheel-dir"]
        argv = [self._python, *PIP, *words, str(target), str(source)]
        done = subprocess.run(argv, check=False, env=environment, stderr=subprocess.STDOUT, umask=0o022)
        wheels = sorted(target.glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            text = (
                f"{line.file}: does not compile (pip ended with {done.returncode}). What it is compiled with "
                "is in wheelhouse.in and in `wheelhouse.apt` of stack.toml"
            )
            raise FetchingError(kind="compile", text=text)
        return line, wheels[0]
