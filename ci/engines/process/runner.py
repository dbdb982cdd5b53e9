"""The one place that starts child processes of a build."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import anyio
from anyio.abc import ByteReceiveStream, Process

from ci.engines.process.command import Command, ProcessResult
from ci.engines.process.namespaces import dying_with_parent, was_killed
from ci.errors import CommandError, EngineError, NoSpaceError
from ci.redaction import redacted

TAIL_LINES = 40
FULL = re.compile("no space left on device|disk quota exceeded", re.IGNORECASE)
"""How every program says so. Source: strerror(3), ENOSPC and EDQUOT."""
KILLED = (
    "killed by SIGKILL, not by this run: by the kernel because memory ran out (see `dmesg`), or by a user"
)
RUN_VARIABLE = "DOCKWRIGHT_RUN"
GRACE_S = 5.0
"""Time between asking a process group to end and ending it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs commands in process groups of their own, so that a cancelled one leaves no process behind.

    A command that takes longer than `limit_s` is ended and counts as failed. When we are killed, what we
    started is killed too: at once where the kernel can do that, else by the next run, which finds it by
    `run_marker`, the path of this run's marker file, in its environment.
    """

    limit_s: float = 1800.0
    run_marker: str = ""

    async def run(
        self,
        command: Command,
        *,
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> str:
        """Run `command` to its end and return what it wrote to its standard output.

        Both outputs also go, line by line and without secrets, to the file `log` and to `on_line`. Cancelling
        ends the process group: TERM, then KILL after `GRACE_S`.

        Raises:
            CommandError: it ended with a non-zero status, or took longer than it may.
            EngineError: it could not be started.
        """
        result = await self.finish(command, limit_s=self.limit_s, log=log, on_line=on_line)
        if result.termination_reason:
            late = f"{result.termination_reason} (DOCKWRIGHT_STEP_TIMEOUT_S)"
            raise CommandError(command.argv, result.status, "\n".join([*result.tail.splitlines(), late]))
        if result.status != 0:
            error = NoSpaceError if FULL.search(result.tail) else CommandError
            raise error(command.argv, result.status, result.tail)
        return result.output

    async def finish(
        self,
        command: Command,
        *,
        limit_s: float,
        limit_bytes: int | None = None,
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> ProcessResult:
        """Run `command` and return how it ended: by force after `limit_s`, or `limit_bytes` of output.

        Raises:
            EngineError: it could not be started.
        """
        marker = {RUN_VARIABLE: self.run_marker} if self.run_marker else {}
        env = {**os.environ, **dict(command.env), **marker}
        if shutil.which(command.argv[0], path=env.get("PATH")) is None:
            raise EngineError(
                f"{command.argv[0]} is not installed", hint="`./dockwright doctor` shows what is missing"
            )
        process = await anyio.open_process(
            (*dying_with_parent(), *command.argv),
            stdin=subprocess.DEVNULL,
            env=env,
            cwd=command.cwd or None,
            start_new_session=True,
        )
        reason = f"still running after {limit_s:g} s, so it was ended"
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(log.open("a", encoding="utf-8")) if log else None
            read = _Reading(file=file, on_line=on_line, limit_bytes=limit_bytes)
            try:
                with anyio.move_on_after(limit_s):
                    async with anyio.create_task_group() as group:
                        group.start_soon(read.all_of, process.stdout, True)
                        group.start_soon(read.all_of, process.stderr, False)
                        await process.wait()
                    reason = ""
            except BaseExceptionGroup as error:
                flood, others = error.split(_FloodError)
                if others is not None:
                    raise
                assert flood is not None
                reason = f"wrote more than {limit_bytes} bytes, so it was ended"
            finally:
                with anyio.CancelScope(shield=True):
                    if process.returncode is None or reason:
                        await _end(process)
                    await process.aclose()
        status = process.returncode if process.returncode is not None else -signal.SIGTERM
        if reason:
            return ProcessResult(
                output=read.output,
                status=-signal.SIGTERM,
                tail="\n".join(read.tail),
                termination_reason=reason,
            )
        if status != 0 and was_killed(status, read.tail[-1] if read.tail else ""):
            status = -signal.SIGKILL
            read.tail.append(KILLED)
        return ProcessResult(output=read.output, status=status, tail="\n".join(read.tail))


class _FloodError(Exception):
    """More was written than may be."""


class _Reading:
    """What a command writes, line by line to wherever it goes."""

    def __init__(
        self, *, file: IO[str] | None, on_line: Callable[[str], None] | None, limit_bytes: int | None
    ) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._file, self._on_line, self._limit_bytes = file, on_line, limit_bytes
        self._output: list[str] = []
        self._bytes = 0

    @property
    def output(self) -> str:
        """Its standard output."""
        return "".join(self._output)

    async def all_of(self, stream: ByteReceiveStream | None, kept: bool) -> None:
        """Read a stream to its end; `kept` says that it is the standard output."""
        assert stream is not None
        rest = b""
        async for chunk in stream:
            self._bytes += len(chunk)
            if kept:
                self._output.append(chunk.decode(errors="replace"))
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._line(line)
            if self._file is not None:
                self._file.flush()
            if self._limit_bytes is not None and self._bytes > self._limit_bytes:
                raise _FloodError
        if rest:
            self._line(rest)

    def _line(self, line: bytes) -> None:
        text = redacted(line.decode(errors="replace").rstrip("\r").rsplit("\r", 1)[-1])
        self.tail.append(text)
        if self._file is not None:
            self._file.write(text + "\n")
        if self._on_line is not None:
            self._on_line(text)


async def _end(process: Process) -> None:
    """End the process and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with anyio.move_on_after(GRACE_S):
        await process.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
