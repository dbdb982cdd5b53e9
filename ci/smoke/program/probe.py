"""Look at an image from inside: `probe.py REQUEST`. Standard library only, Python 3.11.

Runs as the image's user with the image's own Python, offline. What is going to be checked is told first; each
check is announced and then told, one JSON line each, so that a hang says where it is. The request is made by
ci/smoke/probe_request.py, the lines are read by ci/smoke/results.py.
"""

import contextlib
import importlib.metadata
import json
import os
import shlex
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

if not __package__:
    # Inside an image this folder is all that there is of dockwright, and -I leaves it out of the search path.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from . import filesystem
from .bounded_process import VARIABLE, end_orphans, run
from .filesystem import Finding

MARK = "dockwright-check "
UV = Path(__file__).parent / "uv"
LINES, WIDTH = 30, 400
"""Lines of a child's output that a failed check tells, and characters of each."""
LOOKS: tuple[tuple[str, Callable[[dict[str, Any]], Finding]], ...] = (
    ("user", filesystem.user),
    ("python", filesystem.python),
    ("writable /tmp", filesystem.writable_tmp),
    ("no compiler or installer", filesystem.compilers),
    ("no -dev package", filesystem.development),
    ("no cache", filesystem.caches),
    ("no secret", filesystem.secrets),
    ("nothing in closed folders", filesystem.closed),
)


def say(**value: object) -> None:
    """Print one line for the reader outside."""
    print(MARK + json.dumps(value), flush=True)


class Ladder:
    """The rungs that are done, what they stand on, and which of their checks failed."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.rungs: list[str] = request["rungs"]
        self._needs: dict[str, list[str]] = request["needs"]
        self._failed: dict[str, str] = {}

    def told(
        self,
        rung: str,
        name: str,
        status: str,
        detail: str = "",
        seconds: float = 0.0,
        figures: dict[str, Any] | None = None,
    ) -> None:
        """Tell how a check ended."""
        if status == "failed":
            self._failed.setdefault(rung, name)
        value = {"rung": rung, "name": name, "status": status, "detail": detail, "seconds": round(seconds, 3)}
        say(event="check", **value, **({"figures": figures} if figures else {}))

    def blocking_check(self, rung: str) -> str:
        """Return the name of a failed check that a rung stands on, empty where there is none."""
        return next((self._failed[below] for below in self._needs.get(rung, ()) if below in self._failed), "")

    def check(self, rung: str, name: str, look: Callable[[], Sequence[Any]], limit_s: float) -> str:
        """Announce a check, do it, tell how it ended, and return that; one that is blocked is not done.

        `look` returns status and detail, and figures where it has any.
        """
        blocking_check = self.blocking_check(rung)
        if blocking_check:
            self.told(rung, name, "blocked", f"by {blocking_check!r}")
            return "blocked"
        say(event="started", rung=rung, name=name)
        begin = time.monotonic()
        figures: list[dict[str, Any]] = []
        try:
            with limited(limit_s):
                status, detail, *figures = look()
                detail = shortened(detail)
        except Exception as error:
            status, detail = "failed", f"{type(error).__name__}: {error}"
        self.told(rung, name, status, detail, time.monotonic() - begin, *figures)
        return str(status)


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


def shortened(detail: str) -> str:
    """Return the first line of a detail, which says what is wrong, and the last ones of what follows."""
    first, _, rest = detail.partition("\n")
    return f"{first}\n{tail(rest)}" if rest else first


def tail(text: str) -> str:
    """Return the last lines of an output."""
    return "\n".join(line[:WIDTH] for line in text.rstrip().splitlines()[-LINES:])


def imports(request: dict[str, Any], ladder: Ladder, loaded: set[str]) -> None:
    """Import every requested distribution."""
    from .modules import import_all, modules_of  # as all that only some rungs need: it is compiled each time

    wanted: list[tuple[str, list[str]]] = []
    for name, override in request["distributions"].items():
        try:
            modules = [override] if override else modules_of(name)
        except importlib.metadata.PackageNotFoundError:
            ladder.told("imports", f"import {name}", "failed", "is not installed")
            continue
        if modules:
            wanted.append((name, modules))
        else:
            ladder.told("imports", f"import {name}", "skipped", "it installs no module")
    if not wanted:
        return
    say(event="started", rung="imports", name="imports")
    for one in import_all(wanted, request["import_limit_s"], loaded):
        ladder.told("imports", f"import {one.name}", *filesystem.verdict(shortened(one.fault)), one.seconds)


def program(argv: list[str], limit_s: float, *, speaks: bool = False) -> Finding:
    """A program ends with 0, in an empty folder of its own, and one that `speaks` prints something."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        # tini says that it is not the first process, unless it is told that it may be so
        ended = run(argv, limit_s, env={"TINI_SUBREAPER": "1", "TMPDIR": folder}, cwd=folder)
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


def programs_of(request: dict[str, Any]) -> list[tuple[str, list[str], float, bool]]:
    """Return the programs that are started: name, words, seconds that each may take, whether it speaks."""
    limit_s = request["command_limit_s"]
    found = [("--help", request["help"], limit_s, True)] if request["help"] else []
    found += [(f"run {shlex.join(argv)}", argv, limit_s, False) for argv in request["commands"]]
    return found + [(name, argv, request["run_limit_s"], False) for name, argv in request["runs"].items()]


def main(request_path: str) -> None:
    """Do the checks of every rung that is asked for."""
    request = json.loads(Path(request_path).read_text())
    limit_s, loaded, ladder = request["command_limit_s"], set[str](), Ladder(request)
    programs = programs_of(request)
    libraries = cuda_checks() if "cuda" in ladder.rungs else []
    on_gpu = gpu_checks_of(request) if "gpu" in ladder.rungs else []
    names = {
        "structure": [name for name, _ in LOOKS],
        "imports": ["pip check", *(f"import {name}" for name in request["distributions"])],
        "closure": ["shared libraries"],
        "programs": [name for name, *_ in programs],
        "cuda": [name for name, _ in libraries] or ["libraries by name"],
        "gpu": [name for name, _ in on_gpu],
    }
    say(
        event="planned",
        checks=[(rung, name) for rung in names if rung in ladder.rungs for name in names[rung]],
    )
    if "structure" in ladder.rungs:
        for name, look in LOOKS:
            ladder.check("structure", name, lambda look=look: look(request), limit_s)  # type: ignore[misc]
    if "imports" in ladder.rungs:
        # What a child does has its own limit; the one around it is for what is done with its output.
        ladder.check("imports", "pip check", lambda: requirements(limit_s), limit_s + 10)
        imports(request, ladder, loaded)
    if "closure" in ladder.rungs:
        ladder.check("closure", "shared libraries", lambda: filesystem.libraries(request, loaded), limit_s)
    if "programs" in ladder.rungs:
        for name, argv, at_most_s, speaks in programs:
            ladder.check(
                "programs",
                name,
                lambda argv=argv, at_most_s=at_most_s, speaks=speaks: program(argv, at_most_s, speaks=speaks),  # type: ignore[misc]
                at_most_s + 10,
            )
    if "cuda" in ladder.rungs:
        for name, load in libraries:
            ladder.check("cuda", name, load, limit_s)
        if not libraries:
            ladder.told(
                "cuda", "libraries by name", "skipped", "nothing in it opens CUDA's libraries by name"
            )
    if "gpu" in ladder.rungs:
        climb_gpu(ladder, on_gpu, request["run_limit_s"])
    say(event="ended")


def gpu_checks_of(request: dict[str, Any]) -> Sequence[tuple[str, Callable[[], Sequence[Any]]]]:
    """Return what is done on a GPU, or its first part alone: what it is."""
    from . import gpu_checks

    found = gpu_checks.checks(request["gpu_device"], request["run_limit_s"])
    return found[:1] if request["gpu_first_only"] else found


def cuda_checks() -> list[tuple[str, Callable[[], Finding]]]:
    """Return what is loaded by name; one failure where that can't even be found out."""
    from . import cuda

    try:
        return cuda.checks(filesystem.site_packages())
    except ValueError as error:
        fault = str(error)
        return [("libraries by name", lambda: ("failed", fault))]


def climb_gpu(
    ladder: Ladder, checks: Sequence[tuple[str, Callable[[], Sequence[Any]]]], limit_s: float
) -> None:
    """Compute on a GPU; nothing is tried after a device that is not there."""
    (first, look), *others = checks
    status = ladder.check("gpu", first, look, limit_s + 10)
    for name, look in others:
        if status == "passed":
            ladder.check("gpu", name, look, limit_s + 10)
        elif status == "skipped":
            ladder.told("gpu", name, "skipped", f"as {first!r} was")
        else:
            ladder.told("gpu", name, "blocked", f"by {first!r}")


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
    end_orphans()
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
    end_orphans()


if __name__ == "__main__":
    supervised(sys.argv[1])
