"""Record a code change in a terminal: `python -m bench.recording [--root DIR] [--write]`.

The store, or that of the root `DIR`, must have all CPU images (`./dockwright build-all --variant cpu`). The
commands run in a terminal of their own, on a copy of the stack; `docker/` stays as it is. The picture is
printed, or with `--write` becomes docs/assets/recording.svg.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.recording.picture import Frame, svg
from bench.recording.screen import Screen

CHECKOUT = Path(__file__).parents[2]
PICTURE = CHECKOUT / "docs/assets/recording.svg"
PROGRAM = "docker/subtitle-gen/subtitle-gen.py"
TYPED = (
    f"echo '# a remark' >> {PROGRAM}",
    "./dockwright plan subtitle-gen",
    "./dockwright build-all --variant cpu",
)
"""What the session types, in the checkout."""
ROWS, COLUMNS = 30, 116
FRAME_S = 0.1
"""The screen is drawn at most that often."""
TYPING_S, READING_S, END_S = 0.04, 2.5, 8.0


def main() -> None:
    """Record, and print or write the picture."""
    parser = argparse.ArgumentParser(description="Record a code change in a terminal.")
    parser.add_argument("--root", type=Path, help="root of a store with all CPU images")
    parser.add_argument("--write", action="store_true", help="write docs/assets/recording.svg")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dockwright-recording-"))
    try:
        frames = list(_session(folder, options.root))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    title = "A line is added to a program; plan names what a build would do; build-all builds that image"
    picture = svg(frames, rows=ROWS, columns=COLUMNS, title=title)
    if options.write:
        PICTURE.write_text(picture, encoding="utf-8")
    else:
        print(picture, end="")


def _session(folder: Path, root: Path | None) -> Iterator[Frame]:
    """Yield what the screen shows while the commands are typed and run in a copy of the stack."""
    shutil.copytree(CHECKOUT / "docker", folder / "docker", symlinks=True)
    tool = folder / "dockwright"
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m ci.cli.main --stack docker "$@"\n')
    tool.chmod(0o755)
    env = {
        **os.environ,
        "COLUMNS": str(COLUMNS),
        "DOCKWRIGHT_PROGRESS": "rich",
        "LINES": str(ROWS),
        "PYTHONPATH": str(CHECKOUT),
        "TERM": "xterm-256color",
    }
    env.pop("NO_COLOR", None)
    if root is not None:
        env["DOCKWRIGHT_ROOT"] = str(root.absolute())
    screen = Screen(ROWS, COLUMNS)
    for line in TYPED:
        screen.write("$ ")
        yield Frame(seconds=0.6, lines=screen.lines())
        screen.write(line)
        yield Frame(seconds=TYPING_S * len(line), lines=screen.lines())
        screen.write("\r\n")
        yield from _run(line, folder, env, screen)
        yield Frame(seconds=END_S if line == TYPED[-1] else READING_S, lines=screen.lines())


def _run(line: str, folder: Path, env: Mapping[str, str], screen: Screen) -> Iterator[Frame]:
    """Run `line` in a terminal; yield a frame for each change of the screen.

    Raises:
        SystemExit: it failed.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    child = subprocess.Popen(
        ("sh", "-c", line), cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    drawn, since = screen.lines(), time.monotonic()
    while text := _read(ours):
        screen.write(text)
        now = time.monotonic()
        if now - since >= FRAME_S and screen.lines() != drawn:
            yield Frame(seconds=now - since, lines=drawn)
            drawn, since = screen.lines(), now
    yield Frame(seconds=max(FRAME_S, time.monotonic() - since), lines=drawn)
    os.close(ours)
    if child.wait() != 0:
        raise SystemExit(f"`{line}` ended with {child.returncode}")


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 1 << 16).decode(errors="replace")
    except OSError:  # how a terminal ends when nobody has its other side open
        return ""


if __name__ == "__main__":
    main()
