"""Look at an image from inside: `probe.py REQUEST`. Standard library only, Python 3.11.

Runs as the image's user with the image's own Python, offline. What is going to be checked is told first; each
check is announced and then told, one JSON line each, so that a hang says where it is. The request is made by
ci/smoke/request.py, the lines are read by ci/smoke/results.py.
"""

import contextlib
import importlib.metadata
import json
import os
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

if not __package__:
    # Inside an image this folder is all that there is of dockwright, and -I leaves it out of the search path.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from . import looks
from .child import VARIABLE, end_strays, run
from .looks import Finding
from .modules import Imported, import_all, modules_of

MARK = "dockwright-check "
UV = Path(__file__).parent / "uv"
LINES, WIDTH = 30, 400
"""Lines of a child's output that a failed check tells, and characters of each."""
LOOKS: tuple[tuple[str, Callable[[dict[str, Any]], Finding]], ...] = (
    ("user", looks.user),
    ("python", looks.python),
    ("writable /tmp", looks.writable_tmp),
    ("no compiler or installer", looks.compilers),
    ("no -dev package", looks.development),
    ("no cache", looks.caches),
    ("no secret", looks.secrets),
    ("nothing in closed folders", looks.closed),
)


def say(**value: object) -> None:
    """Print one line for the reader outside."""
    print(MARK + json.dumps(value), flush=True)


def told(name: str, status: str, detail: str = "", seconds: float = 0.0) -> None:
    """Tell how a check ended."""
    say(event="check", name=name, status=status, detail=detail, seconds=round(seconds, 3))


def check(name: str, look: Callable[[], Finding], limit_s: float) -> None:
    """Announce a check, do it, tell how it ended."""
    say(event="started", name=name)
    begin = time.monotonic()
    try:
        with limited(limit_s):
            status, detail = look()
    except Exception as error:
        status, detail = "failed", f"{type(error).__name__}: {error}"
    told(name, status, detail, time.monotonic() - begin)


@contextlib.contextmanager
def limited(limit_s: float) -> Iterator[None]:
    """Raise TimeoutError in what takes longer."""

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"was not done after {limit_s:g} s")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def tail(text: str) -> str:
    """Return the last lines of an output."""
    return "\n".join(line[:WIDTH] for line in text.rstrip().splitlines()[-LINES:])


def imports(request: dict[str, Any], loaded: set[str]) -> None:
    """Import every requested distribution."""
    wanted: list[tuple[str, list[str]]] = []
    for name, override in request["distributions"].items():
        try:
            modules = [override] if override else modules_of(name)
        except importlib.metadata.PackageNotFoundError:
            told(f"import {name}", "failed", "is not installed")
            continue
        if modules:
            wanted.append((name, modules))
        else:
            told(f"import {name}", "skipped", "it installs no module")
    if not wanted:
        return
    say(event="started", name="imports")
    for one in import_all(wanted, request["import_limit_s"], loaded):
        told(f"import {one.name}", *_ended(one), one.seconds)


def _ended(one: Imported) -> Finding:
    return looks.verdict(tail(one.fault))


def program(argv: list[str], limit_s: float, *, speaks: bool = False) -> Finding:
    """A program ends with 0, and one that `speaks` prints something."""
    # tini says on its standard error that it is not the first process, unless it is told that it may be so
    ended = run(argv, limit_s, env={"TINI_SUBREAPER": "1"})
    if ended.fault:
        return "failed", f"{ended.fault}\n{tail(ended.output)}".rstrip()
    lines = ended.output.strip().splitlines()
    if speaks and not lines:
        return "failed", "ended with 0 and printed nothing"
    return "passed", lines[0][:200] if lines else ""


def requirements(limit_s: float) -> Finding:
    """What installed distributions ask for is installed; uv does the looking."""
    if not os.access(UV, os.X_OK) or not UV.stat().st_size:
        return "skipped", "no uv was mounted"
    words = ["pip", "check", "--offline", "--no-config", "--no-cache", "--color", "never"]
    ended = run([str(UV), *words, "--python", sys.executable], limit_s)
    if ended.fault:
        return "failed", f"{ended.fault}\n{tail(ended.output)}"
    return "passed", next((line for line in ended.output.splitlines() if line.startswith("Checked")), "")


def main(request_path: str) -> None:
    """Do every check."""
    request = json.loads(Path(request_path).read_text())
    limit_s, loaded = request["command_limit_s"], set[str]()
    programs = [("--help", request["help"], True)] if request["help"] else []
    programs += [(f"run {shlex.join(argv)}", argv, False) for argv in request["commands"]]
    say(
        event="planned",
        names=[
            *(name for name, _ in LOOKS),
            "pip check",
            *(f"import {name}" for name in request["distributions"]),
            "shared libraries",
            *(name for name, _, _ in programs),
        ],
    )
    for name, look in LOOKS:
        check(name, lambda look=look: look(request), limit_s)  # type: ignore[misc]
    # What a child does has its own limit; the one around it is for what is done with its output.
    check("pip check", lambda: requirements(limit_s), limit_s + 10)
    imports(request, loaded)
    check("shared libraries", lambda: looks.libraries(request, loaded), limit_s)
    for name, argv, speaks in programs:
        check(name, lambda argv=argv, speaks=speaks: program(argv, limit_s, speaks=speaks), limit_s + 10)  # type: ignore[misc]
    say(event="ended")


def supervised(request_path: str) -> None:
    """Do every check in a child, tell when it dies, and leave no process behind.

    So this program ends with 0 whenever it could start: Buildah may lose the last words of one that does not.
    """
    os.environ[VARIABLE] = f"{os.getpid()}-{time.time_ns()}"
    ends, held = os.pipe()
    worker = os.fork()
    if worker == 0:
        os.close(held)
        try:
            main(request_path)
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
            os._exit(1)
        os._exit(0)
    if os.fork() == 0:
        os.close(held)
        watch(worker, ends)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    end_strays()
    if status:
        say(event="died", status=status)


def watch(worker: int, ends: int) -> None:
    """End all that is left once the supervisor has ended, however that came: then the pipe `ends`.

    An engine that is called off kills the supervisor, and nothing that the worker has started.
    """
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for output in (0, 1, 2):
        os.dup2(nothing, output)
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(worker)
        os.read(ends, 1)
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.read(ends, 1)
    end_strays()


if __name__ == "__main__":
    supervised(sys.argv[1])
