"""A child process on the caller's own terminal, waited for whatever is typed there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ci.engines.process.command import Command
from ci.engines.process.namespaces import dying_with_parent
from ci.engines.process.runner import RUN_VARIABLE
from ci.errors import EngineError


def run_attached(
    command: Command,
    *,
    run_marker: str = "",
    stdout: int | None = None,
    kills: bool = False,
    started: Callable[[int], object] = lambda _pid: None,
) -> int:
    """Run `command` with our standard input and outputs and return its exit status.

    It is 128 + N where signal N ended it, or came to us and it failed.

    Ctrl-C is the child's to answer: it gets it from the terminal, as we do. A signal that is sent to us alone
    (TERM, HUP) is handed on; with `kills` it ends the child at once, for one in a namespace that hears
    nothing. `stdout` is a descriptor in place of our standard output; `mark` is the file that a run is known
    by; `started` is told the process id.

    Raises:
        EngineError: it could not be started.
    """
    env = {**os.environ, **dict(command.env), **({RUN_VARIABLE: run_marker} if run_marker else {})}
    if shutil.which(command.argv[0], path=env.get("PATH")) is None:
        raise EngineError(f"{command.argv[0]} is not installed; `./dockwright doctor` says what is missing")
    with (
        _answered(kills=kills) as (processes, signals),
        subprocess.Popen(
            (*dying_with_parent(), *command.argv), env=env, cwd=command.cwd or None, stdout=stdout
        ) as process,
    ):
        processes.append(process)
        started(process.pid)
        status = process.wait()
    if status and signals:
        return 128 + signals[0]
    return status if status >= 0 else 128 - status


@contextmanager
def _answered(*, kills: bool) -> Iterator[tuple[list[subprocess.Popen[bytes]], list[int]]]:
    """Answer signals as `run_attached` says, for the processes in the first list; the second is what came."""
    processes: list[subprocess.Popen[bytes]] = []
    signals: list[int] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        for process in processes:
            if number == signal.SIGINT:
                continue
            if kills:
                process.kill()
            else:
                process.send_signal(number)

    answers = [signal.SIGINT]
    if sys.platform != "win32":
        answers.append(signal.SIGTERM)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means it
            answers.append(signal.SIGHUP)
    before = {number: signal.signal(number, hand_on) for number in answers}
    try:
        yield processes, signals
    finally:
        for number, answer in before.items():
            signal.signal(number, answer)
