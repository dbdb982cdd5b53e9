"""Standard streams that can fail without ending a run: closed, full, or given up by their reader.

A run goes on without what it can't print. At the end `exit_code` tells whether all was printed, so that an
empty file is not taken for an answer.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from dataclasses import dataclass
from typing import Any, TextIO, cast

UNPRINTED = 1
"""The exit code of a command that did all but print its answer. Source: `DockwrightError.exit_code`."""


class _Raw(io.FileIO):
    """A descriptor whose first failed write is noted; what comes after it is dropped."""

    def __init__(self, descriptor: int, *, closed: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._closed_before = closed
        self.error: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, or drop, all of `data`."""
        size = memoryview(data).nbytes
        if self._closed_before and self.error is None and size:
            self.error = OSError(errno.EBADF, "it is closed")
        if self.error is None:
            try:
                return super().write(data) or 0
            except BlockingIOError:
                raise
            except OSError as error:
                self.error = error
        return size


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The standard output of this process, which `open_streams` prepared; `raw` is None in a test."""

    raw: _Raw | None = None

    def exit_code(self, code: int) -> int:
        """Return `code`, or another one where a command that came out well could not print its answer.

        Why it could not is printed on standard error.
        """
        if self.raw is None:
            return code
        sys.stdout.flush()
        error = self.raw.error
        if error is None:
            return code
        reason = "its reader closed it" if error.errno == errno.EPIPE else error.strerror
        print(f"dockwright: not all was printed: standard output: {reason}", file=sys.stderr, flush=True)
        return code or UNPRINTED


def open_streams() -> Output:
    """Make the three standard streams usable, whatever they are, and return the output.

    A closed descriptor is opened on /dev/null first: the next file that is opened would get its number, and
    would be written to by everything that prints. Streams that were replaced (by a test) are left alone.
    """
    closed = {descriptor for descriptor in (0, 1, 2) if _is_closed(descriptor)}
    for descriptor in sorted(closed):
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
        os.set_inheritable(descriptor, True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    raw = None
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        raw = _Raw(1, closed=1 in closed)
        sys.stdout = _text(raw, sys.stdout)
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Raw(2, closed=2 in closed), sys.stderr)
    return Output(raw=raw)


def _text(raw: _Raw, before: TextIO | None) -> TextIO:
    """Return a text stream on `raw` of the encoding of `before`."""
    encoding = before.encoding if before is not None else "utf-8"
    if before is not None:
        _flush(before)
    stream = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors="replace",
        line_buffering=raw.isatty() or raw.fileno() == 2,
    )
    return cast("TextIO", stream)


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError):
        return


def _is_closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError as error:
        return error.errno == errno.EBADF
    return False
