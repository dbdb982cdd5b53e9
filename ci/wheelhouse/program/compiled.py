"""Wheels that are compiled from sdists here, by their wheel-build key."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .atomic_write import write_atomically
from .content_store import ContentStore
from .failure import FetchingError
from .line import Line

EPOCH = "315532800"
"""1980: the first moment that a zip archive, and so a wheel, can name."""
PLAIN = "-g0"
"""Debian's Python asks for debug information, which has the path of the sources, a new one each time."""
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


class Compiled:
    """The compiled wheels: `folder/KEY.json` names the file, which the content store has like every other."""

    def __init__(self, folder: Path, store: ContentStore) -> None:
        self._folder, self._store = folder, store
        folder.mkdir(parents=True, exist_ok=True)

    def find(self, key: str, on_chunk: Callable[[], None] = lambda: None) -> Line | None:
        """Return the wheel with this key; None where the content store does not have it.

        `on_chunk` is as in `ContentStore.has`.
        """
        try:
            value = json.loads((self._folder / f"{key}.json").read_text())
            line = Line(requirement=value["requirement"], sha256=value["sha256"], file=value["file"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return line if self._store.has(line.sha256, on_chunk) else None

    def add(self, key: str, made: tuple[Line, Path]) -> Line:
        """Store a wheel under its key and return its line."""
        sdist, wheel = made
        line = replace(sdist, sha256=self._store.add(wheel), file=wheel.name)
        value = {"requirement": line.requirement, "sha256": line.sha256, "file": line.file}
        write_atomically(self._folder / f"{key}.json", json.dumps(value) + "\n")
        return line


class Builder:
    """A virtual environment in the folder `work` with exactly the locked build requirements."""

    def __init__(self, work: Path, requirements: list[Line], store: ContentStore) -> None:
        self._work, self._store = work, store
        found = work / "found"
        for folder in (found, work / "tmp"):
            folder.mkdir(parents=True)
        self._environment = {**os.environ, "TMPDIR": str(work / "tmp")}
        subprocess.run([sys.executable, "-m", "venv", str(work / "venv")], check=True)
        self._python = str(work / "venv/bin/python")
        for line in requirements:
            store.link(line.sha256, found / line.file)
        text = work / "requirements.txt"
        text.write_text("".join(f"{line.text}\n" for line in requirements))
        options = ["install", "--quiet", "--no-deps", "--require-hashes", "--no-index", "--no-cache-dir"]
        options += ["--no-compile"]  # most of it is never imported
        argv = [self._python, *PIP, *options, "--find-links", str(found), "-r", str(text)]
        subprocess.run(argv, check=True, env=self._environment)

    def compile(self, line: Line) -> tuple[Line, Path]:
        """Compile one sdist and return it with its wheel, whose times are fixed: same inputs, same bytes.

        Raises:
            FetchingError: it does not compile; the compiler's output was printed.
        """
        source, target = self._work / line.file, self._work / "made" / line.name
        self._store.link(line.sha256, source)
        environment = {**self._environment, "SOURCE_DATE_EPOCH": EPOCH, "PYTHONHASHSEED": "0"}
        environment |= {"CFLAGS": PLAIN, "CXXFLAGS": PLAIN, "LDFLAGS": "-Wl,--build-id=none"}
        environment["PATH"] = f"{Path(self._python).parent}:{environment['PATH']}"
        options = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir"]
        argv = [self._python, *PIP, *options, "--wheel-dir", str(target), str(source)]
        done = subprocess.run(argv, check=False, env=environment, stderr=subprocess.STDOUT, umask=0o022)
        wheels = sorted(target.glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            text = f"{line.file}: does not compile (pip ended with {done.returncode})"
            hint = "add what it needs to wheelhouse.in (Python) or to `wheelhouse.apt` in stack.toml (Debian)"
            raise FetchingError(kind="compile", text=text, hint=hint)
        return line, wheels[0]
