"""Errors of Dagger's SDK as errors of ours; what a failed program wrote goes to the log."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from ci.engines.dagger.sdk import last_lines, write_output
from ci.engines.engine import Output
from ci.errors import CommandError, EngineError

TIMED_OUT, NOT_STARTED = 124, 127
"""The statuses that timeout(1) and sh(1) give."""
TRACE = re.compile(r"\s*\[traceparent:[^]]*\]")
"""What Dagger appends to an error; it means nothing to a reader."""


@asynccontextmanager
async def mapped_errors(output: Output, limit_s: float | None) -> AsyncIterator[None]:
    """Map errors of the SDK inside the block to ours; the block may take `limit_s`.

    Raises:
        CommandError: a program failed, could not be started, or took longer than it may.
        EngineError: the engine does not answer.
    """
    try:
        with anyio.fail_after(limit_s):
            yield
    except Exception as error:
        first = first_of(error)
        ours = mapped_error(first, output, limit_s)
        if ours is first:
            raise
        raise ours from first


def mapped_error(error: Exception, output: Output, limit_s: float | None) -> Exception:
    """Return our error for one of the SDK; another one is returned as it is."""
    import dagger

    match error:
        case dagger.ExecError():
            text = "\n".join(part for part in (error.stdout, error.stderr) if part)
            write_output(output, text)
            return CommandError(tuple(error.command), error.exit_code, last_lines(text))
        case dagger.QueryError():
            write_output(output, str(error))
            return CommandError(("dagger",), 1, last_lines(str(error)))
        case dagger.DaggerError() | OSError():
            return EngineError(
                f"the Dagger engine does not answer any more ({error})", hint="start the engine again"
            )
        case TimeoutError():
            return CommandError(("dagger",), TIMED_OUT, f"ended after {limit_s:g} s, the limit")
        case _:
            return error


def first_of(error: Exception) -> Exception:
    """Return the first of several errors that were raised together."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
