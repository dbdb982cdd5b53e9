"""A command line in a process of its own with descriptors as a shell gives them: closed, full, no reader.

The process is a copy of this one: it starts in milliseconds, with all modules loaded.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ci.cli.commands import COMMANDS
from ci.cli.main import main

Kind = Literal["file", "closed", "full", "no reader"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it ended, and what it printed where it could."""

    code: int
    out: str
    err: str


def run_forked(
    argv: Sequence[str],
    folder: Path,
    *,
    stdout: Kind = "file",
    stderr: Kind = "file",
    environ: Mapping[str, str],
    before: Callable[[], object] = lambda: None,
) -> Ended:
    """Run `dockwright argv` with these streams and this environment alone; in the process, `before` first."""
    files = folder / "stdout", folder / "stderr"
    for file in files:
        file.unlink(missing_ok=True)

    for entry in COMMANDS.values():
        entry.load()  # else each copy would

    def child() -> int:
        os.environ.clear()
        os.environ.update(environ)
        _redirect(1, stdout, files[0])
        _redirect(2, stderr, files[1])
        sys.argv[1:] = argv
        before()
        return main(list(argv))

    code = _forked(child)
    out, err = (file.read_text(errors="replace") if file.exists() else "" for file in files)
    return Ended(code=code, out=out, err=err)


def _redirect(descriptor: int, kind: Kind, file: Path) -> None:
    """Give this process another standard stream, as Python does at its start."""
    os.close(descriptor)
    name = "stdout" if descriptor == 1 else "stderr"
    stream = None
    if kind != "closed":
        if kind == "no reader":
            reading, opened = os.pipe()
            os.close(reading)
        else:
            path = "/dev/full" if kind == "full" else str(file)
            opened = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
        stream = open(descriptor, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def _forked(child: Callable[[], int]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of a fork beside threads
        pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 99
    try:
        code = child()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException:
        with Path("/proc/self/fd/2").open("a") as error:
            traceback.print_exc(file=error)
    finally:
        os._exit(code)
