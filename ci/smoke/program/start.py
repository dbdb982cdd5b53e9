"""Whether a program could be started, from how it ended. Standard library only."""

import re

from .bounded_process import ProcessResult, signal_name
from .filesystem import Finding

NOT_STARTED = {126: "can't be executed", 127: "is not found"}
"""What an exit code says of a program that an init or a shell should start.

Source: POSIX.1-2017, Shell & Utilities 2.8.2; the README of tini.
"""
SIGNALLED = range(129, 193)
"""Exit codes of an init or a shell whose program was ended by a signal: 128 and its number.

Source: the same.
"""
NOT_LOADED = re.compile(r"(ModuleNotFoundError|ImportError|SyntaxError|IndentationError|TabError)(:|$)")
"""The last line of a traceback of code that can't be loaded."""


def start_finding(ended: ProcessResult, limit_s: float) -> Finding:
    """Return that a program can be started: it ended with 0, or was still running after `limit_s`.

    One that prints last that its code can't be loaded has failed whatever its exit code is.
    """
    if ended.timed_out:
        return "passed", f"was still running after {limit_s:g} s"
    lines = [line for line in ended.output.splitlines() if line.strip()]
    last = lines[-1].strip() if lines else ""
    if NOT_LOADED.match(last):
        return "failed", "\n".join([f"ended with {ended.status}: {last}", *lines])
    if ended.reason:
        error = ended.reason
    elif ended.status in NOT_STARTED:
        error = f"the program {NOT_STARTED[ended.status]}: ended with {ended.status}"
    elif ended.status in SIGNALLED:
        error = f"was ended by {signal_name(ended.status - 128)}"
    else:
        error = ended.error
    return ("failed", "\n".join([error, *lines])) if error else ("passed", "ended with 0")
