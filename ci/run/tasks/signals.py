"""Ctrl-C, SIGTERM and a closed terminal, as one event that a run waits for."""

import signal
import sys
import threading
from collections.abc import Callable

import anyio
from anyio.abc import TaskStatus

STOPPING = "stopping; finished images stay, and the next run continues from there"


async def set_on_signals(
    interrupt: anyio.Event,
    *,
    warn: Callable[[str], None],
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Set `interrupt` at the first signal that stops the run; at later ones warn that it is stopping.

    Where signals can't be received (Windows, another thread than the first) it returns at once: Python's own
    KeyboardInterrupt cancels the run there.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        task_status.started()
        return
    stopping = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup has it ignored, and means it
        stopping.append(signal.SIGHUP)
    with anyio.open_signal_receiver(*stopping) as received:
        task_status.started()
        async for number in received:
            again = " again: still " if interrupt.is_set() else ": "
            warn(f"{signal.Signals(number).name}{again}{STOPPING}")
            interrupt.set()
