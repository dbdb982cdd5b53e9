"""A child process on the caller's own terminal, which ends only when the user ends it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import anyio
from anyio.abc import Process

from ci.engines.process.command import Command
from ci.engines.process.namespaces import dying_with_parent
from ci.engines.process.runner import RUN_VARIABLE
from ci.errors import EngineError


async def run_attached(
    command: Command,
    *,
    run_marker: str = "",
    stdout: int | None = None,
    kills: bool = False,
    started: Callable[[int], object] = lambda _pid: None,
) -> int:
    """Run `command` with our standard input and outputs and return its exit status.

    The status is 128 + N where signal N ended the child, or where we got signal N and the child failed.

    Ctrl-C reaches the child from the terminal, so it is left to the child. A signal that is sent to us alone
    (TERM, HUP) is forwarded; with `kills` the child is killed at once, for one in a PID namespace, which
    ignores signals. `stdout` is a descriptor in place of our standard output; `run_marker` is the path of the
    run's marker file; `started` is called with the process id.

    Raises:
        EngineError: it could not be started.
    """
    env = {**os.environ, **dict(command.env), **({RUN_VARIABLE: run_marker} if run_marker else {})}
    if shutil.which(command.argv[0], path=env.get("PATH")) is None:
        raise EngineError(
            f"{command.argv[0]} is not installed", hint="`./dockwright doctor` shows what is missing"
        )
    with _forwarded_signals(kills=kills) as (processes, signals):
        process = await anyio.open_process(
            (*dying_with_parent(), *command.argv),
            stdin=None,
            stdout=stdout,
            stderr=None,
            env=env,
            cwd=command.cwd or None,
        )
        async with process:
            processes.append(process)
            started(process.pid)
            status = await process.wait()
    if status and signals:
        return 128 + signals[0]
    return status if status >= 0 else 128 - status


@contextmanager
def _forwarded_signals(*, kills: bool) -> Iterator[tuple[list[Process], list[int]]]:
    """Forward signals, as `run_attached` says, to the processes in the first list; the second gets them."""
    processes: list[Process] = []
    signals: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        for process in processes:
            if number == signal.SIGINT:
                continue
            if kills:
                process.kill()
            else:
                process.send_signal(signal.Signals(number))

    handled = [signal.SIGINT]
    if sys.platform != "win32":
        handled.append(signal.SIGTERM)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else nohup asked to ignore it
            handled.append(signal.SIGHUP)
    before = {number: signal.signal(number, forward) for number in handled}
    try:
        yield processes, signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
