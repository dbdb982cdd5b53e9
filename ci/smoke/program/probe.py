"""Check an image from inside: `probe.py REQUEST`. Standard library only, Python 3.11.

Runs as the image's user with the image's own Python, offline. It first prints which checks are planned, then
a line when each check starts and one with its result, so that a check that hangs is known. The lines are JSON
with a prefix. ci/smoke/probe_request.py makes the request, ci/smoke/results.py reads the lines.
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
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .contents.lazy_contents import LazyContents

if not __package__:
    # Inside an image this folder is the only part of dockwright, and -I leaves it out of the search path.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from . import filesystem
from .bounded_process import VARIABLE, ProcessResult, end_orphans, run
from .filesystem import Finding

LINE_PREFIX = "dockwright-check "
UV = Path(__file__).parent / "uv"
LISTING_CHARACTERS = 60_000
LINES, WIDTH = 30, 400
"""The number of lines of a child's output in the detail of a failed check, and of characters of each."""
FILE_SYSTEM_CHECKS: tuple[tuple[str, Callable[[dict[str, Any]], Finding]], ...] = (
    ("user", filesystem.user),
    ("python", filesystem.python),
    ("writable /tmp", filesystem.writable_tmp),
    ("no compiler or installer", filesystem.compilers),
    ("no -dev package", filesystem.development),
    ("no cache", filesystem.caches),
    ("no secret", filesystem.secrets),
    ("nothing in closed folders", filesystem.closed),
)


def report(**value: object) -> None:
    """Print one line for ci/smoke/results.py."""
    print(LINE_PREFIX + json.dumps(value), flush=True)


class Ladder:
    """The requested rungs, what they depend on, and which of their checks failed."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.rungs: list[str] = request["rungs"]
        self._needs: dict[str, list[str]] = request["needs"]
        self._failed: dict[str, str] = {}

    def result(self, rung: str, name: str, status: str, detail: str = "", **more: object) -> None:
        """Report how a check ended; `more` are `seconds`, `metrics` and `blocked_by` where known."""
        if status == "failed":
            self._failed.setdefault(rung, name)
        value = {"rung": rung, "name": name, "status": status, "detail": detail, "seconds": 0.0, **more}
        report(event="check", **value)

    def blocked(self, rung: str, name: str, blocker: str) -> None:
        """Report that a check is not done, because the check `blocker` failed."""
        self.result(rung, name, "blocked", blocked_by=blocker)

    def blocking_check(self, rung: str) -> str:
        """Return the name of a failed check that a rung depends on, empty if there is none."""
        return next((self._failed[below] for below in self._needs.get(rung, ()) if below in self._failed), "")

    def check(self, rung: str, name: str, inspect: Callable[[], Sequence[Any]], limit_s: float) -> str:
        """Do a check, report its start and its result, and return its status. A blocked check is not done.

        `inspect` returns status and detail, and metrics if it has any.
        """
        if blocker := self.blocking_check(rung):
            self.blocked(rung, name, blocker)
            return "blocked"
        report(event="started", rung=rung, name=name)
        begin = time.monotonic()
        metrics: list[dict[str, Any]] = []
        try:
            with limited(limit_s):
                status, detail, *metrics = inspect()
                detail = shortened(detail)
        except Exception as error:
            status, detail = "failed", f"{type(error).__name__}: {error}"
        more = {"metrics": metrics[0]} if metrics and metrics[0] else {}
        self.result(rung, name, status, detail, seconds=round(time.monotonic() - begin, 3), **more)
        return str(status)


@contextlib.contextmanager
def limited(limit_s: float) -> Iterator[None]:
    """Raise TimeoutError in a block that takes longer."""

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"was not done after {limit_s:g} s")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def shortened(detail: str) -> str:
    """Return the first line of a detail, which is the error, and the last lines of the rest."""
    first, _, rest = detail.partition("\n")
    return f"{first}\n{tail(rest)}" if rest else first


def tail(text: str) -> str:
    """Return the last lines of an output."""
    return "\n".join(line[:WIDTH] for line in text.rstrip().splitlines()[-LINES:])


def imports(request: dict[str, Any], ladder: Ladder, loaded: set[str]) -> None:
    """Import every requested distribution."""
    from .modules import import_all, modules_of  # imported only where it is used: it is compiled each time

    wanted: list[tuple[str, list[str]]] = []
    for name, override in request["distributions"].items():
        try:
            modules = [override] if override else modules_of(name)
        except importlib.metadata.PackageNotFoundError:
            ladder.result("imports", f"import {name}", "failed", "is not installed")
            continue
        if modules:
            wanted.append((name, modules))
        else:
            ladder.result("imports", f"import {name}", "skipped", "it installs no module")
    if not wanted:
        return
    report(event="started", rung="imports", name="imports")
    for one in import_all(wanted, request["import_limit_s"], loaded):
        status, detail = filesystem.verdict(shortened(one.error))
        ladder.result("imports", f"import {one.name}", status, detail, seconds=round(one.seconds, 3))


def started(argv: list[str], limit_s: float) -> ProcessResult:
    """Start a program in an empty folder, which is also for its temporary files, and return how it ended."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        # without this variable tini warns that it is not the first process
        return run(argv, limit_s, env={"TINI_SUBREAPER": "1", "TMPDIR": folder}, cwd=folder)


def start(argv: list[str], limit_s: float) -> Finding:
    """The image's program can be started without arguments."""
    from .start import start_finding  # imported only where it is used: it is compiled each time

    return start_finding(started(argv, limit_s), limit_s)


def program(argv: list[str], limit_s: float, *, prints: bool = False) -> Finding:
    """A program ends with 0, and with `prints` it prints something."""
    ended = started(argv, limit_s)
    if ended.error:
        return "failed", f"{ended.error}\n{tail(ended.output)}".rstrip()
    lines = ended.output.strip().splitlines()
    if prints and not lines:
        return "failed", "ended with 0 and printed nothing"
    return "passed", lines[0][:200] if lines else ""


def requirements(limit_s: float) -> Finding:
    """All requirements of the installed distributions are installed, as `uv pip check` finds."""
    if not os.access(UV, os.X_OK) or not UV.stat().st_size:
        return "skipped", "no uv was mounted"
    arguments = ["pip", "check", "--offline", "--no-config", "--no-cache", "--color", "never"]
    ended = run([str(UV), *arguments, "--python", sys.executable], limit_s)
    if ended.error:
        return "failed", f"{ended.error}\n{tail(ended.output)}"
    return "passed", next((line for line in ended.output.splitlines() if line.startswith("Checked")), "")


def code_checks(request: dict[str, Any]) -> list[tuple[str, Callable[[], Finding]]]:
    """Return the checks of the stack's own Python files, and of the module that the entrypoint names."""
    from . import python_code  # imported only where it is used: it is compiled each time

    found: list[tuple[str, Callable[[], Finding]]] = [
        ("python syntax", partial(python_code.syntax, request["files"]))
    ]
    if target := request["entrypoint_module"]:
        imported = partial(python_code.entrypoint, target, request["import_limit_s"])
        found.append((f"entrypoint {target['module'] or target['file']}", imported))
    return found


def contents_of(request: dict[str, Any]) -> "LazyContents":
    """Return the checks of the contents."""
    # imported only where it is used: it is compiled each time
    from .contents.lazy_contents import LazyContents

    return LazyContents(request)


def list_files() -> None:
    """Print every path of this file system, for the check of an image that is based on it."""
    from .contents.file_tree import file_tree, mounts, packed  # imported only where it is used

    word = packed(file_tree("/", mounts())[0])
    for start in range(0, len(word), LISTING_CHARACTERS):
        report(event="listing", part=word[start : start + LISTING_CHARACTERS])
    report(event="ended")


def programs_of(request: dict[str, Any]) -> list[tuple[str, Callable[[], Finding], float]]:
    """Return the checks that start programs as (name, check, time limit in seconds)."""
    limit_s, start_s, run_s = request["command_limit_s"], request["start_limit_s"], request["run_limit_s"]
    found: list[tuple[str, Callable[[], Finding], float]] = []
    if request["help"]:
        found.append(("--help", partial(program, request["help"], limit_s, prints=True), limit_s))
    if request["start"]:
        found.append(("start", partial(start, request["start"], start_s), start_s))
    found += [
        (f"run {shlex.join(argv)}", partial(program, argv, limit_s), limit_s) for argv in request["commands"]
    ]
    return found + [(name, partial(program, argv, run_s), run_s) for name, argv in request["runs"].items()]


def main(request_path: str) -> None:
    """Do the checks of every requested rung."""
    request = json.loads(Path(request_path).read_text())
    if request.get("lists_files"):
        list_files()
        return
    limit_s, loaded, ladder = request["command_limit_s"], set[str](), Ladder(request)
    programs = programs_of(request)
    code = code_checks(request) if "programs" in ladder.rungs else []
    contents = contents_of(request) if "contents" in ladder.rungs else None
    libraries = cuda_checks() if "cuda" in ladder.rungs else []
    on_gpu = gpu_checks_of(request) if "gpu" in ladder.rungs else []
    names = {
        "structure": [name for name, _ in FILE_SYSTEM_CHECKS],
        "contents": contents.names if contents is not None else (),
        "imports": ["pip check", *(f"import {name}" for name in request["distributions"])],
        "closure": ["shared libraries"],
        "programs": [*(name for name, _ in code), *(name for name, *_ in programs)],
        "cuda": [name for name, _ in libraries] or ["libraries by name"],
        "gpu": [name for name, _ in on_gpu],
    }
    report(
        event="planned",
        checks=[(rung, name) for rung in names if rung in ladder.rungs for name in names[rung]],
    )
    if "structure" in ladder.rungs:
        for name, inspect in FILE_SYSTEM_CHECKS:
            ladder.check("structure", name, partial(inspect, request), limit_s)
    if contents is not None:
        for name in names["contents"]:
            ladder.check("contents", name, partial(contents.check, name), request["contents_limit_s"])
        report(event="closed", paths=contents.closed())
    if "imports" in ladder.rungs:
        # The child has its own limit; the longer one here includes reading its output.
        ladder.check("imports", "pip check", lambda: requirements(limit_s), limit_s + 10)
        imports(request, ladder, loaded)
    if "closure" in ladder.rungs:
        ladder.check("closure", "shared libraries", lambda: filesystem.libraries(request, loaded), limit_s)
    if "programs" in ladder.rungs:
        for name, compiled in code:
            ladder.check("programs", name, compiled, request["import_limit_s"] + 10)
        for name, started_program, at_most_s in programs:
            ladder.check("programs", name, started_program, at_most_s + 10)
    if "cuda" in ladder.rungs:
        for name, load in libraries:
            ladder.check("cuda", name, load, limit_s)
        if not libraries:
            ladder.result(
                "cuda", "libraries by name", "skipped", "no program of the image opens CUDA libraries by name"
            )
    if "gpu" in ladder.rungs:
        check_gpu(ladder, on_gpu, request["run_limit_s"])
    report(event="ended")


def gpu_checks_of(request: dict[str, Any]) -> Sequence[tuple[str, Callable[[], Sequence[Any]]]]:
    """Return the checks of a GPU, or only the first one, which identifies the device."""
    from . import gpu_checks

    found = gpu_checks.checks(request["gpu_device"], request["run_limit_s"])
    return found[:1] if request["gpu_first_only"] else found


def cuda_checks() -> list[tuple[str, Callable[[], Finding]]]:
    """Return the checks of libraries that are loaded by name; one failure if their names can't be read."""
    from . import cuda

    try:
        return cuda.checks(filesystem.site_packages())
    except ValueError as error:
        message = str(error)
        return [("libraries by name", lambda: ("failed", message))]


def check_gpu(
    ladder: Ladder, checks: Sequence[tuple[str, Callable[[], Sequence[Any]]]], limit_s: float
) -> None:
    """Do the checks of a GPU; if the device is not found, the others are skipped."""
    (first, inspect), *others = checks
    status = ladder.check("gpu", first, inspect, limit_s + 10)
    for name, inspect in others:
        if status == "passed":
            ladder.check("gpu", name, inspect, limit_s + 10)
        elif status == "skipped":
            ladder.result("gpu", name, "skipped", f"because {first!r} was skipped")
        else:
            ladder.blocked("gpu", name, first)


def supervised(request_path: str) -> None:
    """Do every check in a child process, report if it dies, and leave no process behind.

    So this program ends with 0 whenever it could start: Buildah may lose the last output of a failing one.
    """
    os.environ[VARIABLE] = f"{os.getpid()}-{time.time_ns()}"
    read_end, write_end = os.pipe()
    worker = os.fork()
    if worker == 0:
        os.close(write_end)
        try:
            main(request_path)
        except BaseException:  # whatever it is, the child must not go on as its parent
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
            os._exit(1)
        os._exit(0)
    if os.fork() == 0:
        os.close(write_end)
        watch(worker, read_end)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    end_orphans()
    if status:
        report(event="died", status=status)


def watch(worker: int, read_end: int) -> None:
    """Kill the remaining processes once the supervisor has ended for any reason, which closes the pipe.

    A cancelled engine kills only the supervisor, not the processes that the worker has started.
    """
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for output in (0, 1, 2):
        os.dup2(nothing, output)
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(worker)
        os.read(read_end, 1)
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.read(read_end, 1)
    end_orphans()


if __name__ == "__main__":
    supervised(sys.argv[1])
