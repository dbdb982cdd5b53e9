"""The failure of a task, as the event log has it."""

import traceback
from pathlib import Path

from ci.errors import CommandError, DockwrightError
from ci.report.events import Failure

LAST_LINES = 40


def cause_of(error: Exception) -> Exception:
    """Return the error inside groups of one; of several, the first that is dockwright's own."""
    while isinstance(error, ExceptionGroup):
        inner = error.exceptions
        if len(inner) > 1 and not all(isinstance(one, DockwrightError | ExceptionGroup) for one in inner):
            return error
        error = inner[0]
    return error


def failure_of(error: Exception, *, log: Path | None) -> Failure:
    """Return the failure to record for `error`; `log` is the file of the task's full output, if any."""
    where = str(log) if log is not None else None
    if not isinstance(error, DockwrightError):
        return Failure(
            error=type(error).__name__,
            message=f"{type(error).__name__}: {error} (a bug in dockwright: its event log has the traceback)",
            log=where,
            traceback="".join(traceback.format_exception(error)),
        )
    message, tail = str(error), _tail_of(error)
    if tail:
        message = message.removesuffix(tail).rstrip()
    return Failure(
        message=message,
        error=type(error).__name__,
        last_lines=tuple(tail.splitlines()[-LAST_LINES:]),
        log=where,
        exit_code=error.exit_code,
    )


def _tail_of(error: BaseException) -> str:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, CommandError):
            return seen.tail.rstrip()
        seen = seen.__cause__ or seen.__context__
    return ""
