"""The one place that starts child processes of a build."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import anyio
from anyio.abc import ByteReceiveStream, Process

from ci.engines.command import Command
from ci.engines.enclosure import dying_with_parent, was_killed
from ci.errors import CommandError, EngineError, NoSpaceError

TAIL_LINES = 40
FULL = re.compile("no space left on device|disk quota exceeded", re.IGNORECASE)
"""How every program says so. Source: strerror(3), ENOSPC and EDQUOT."""
KILLED = (
    "killed by SIGKILL, not by this run: by the kernel for want of memory (`dmesg` says so), or by somebody"
)
MARK_VARIABLE = "DOCKWRIGHT_RUN"
GRACE_S = 5.0
"""Time between asking a process group to end and ending it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs commands in process groups of their own, so that a cancelled one leaves nothing behind.

    A command that takes longer than `limit_s` is ended, which is a failure of it. When we are killed, so is
    what we started, at once where the kernel can do that, else by the next run: `mark` is the file that this
    run is known by.
    """

    limit_s: float = 1800.0
    mark: str = ""

    async def run(
        self,
        command: Command,
        *,
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> str:
        """Run `command` to its end and return what it wrote to its standard output.

        Both outputs also go, line by line, to the file `log` and to `on_line`. Cancelling ends the process
        group: TERM, then KILL after `GRACE_S`.

        Raises:
            CommandError: it ended with a non-zero status.
            EngineError: it could not be started.
        """
        env = {**os.environ, **dict(command.env), **({MARK_VARIABLE: self.mark} if self.mark else {})}
        if shutil.which(command.argv[0], path=env.get("PATH")) is None:
            raise EngineError(
                f"{command.argv[0]} is not installed; `./dockwright doctor` says what is missing"
            )
        process = await anyio.open_process(
            (*dying_with_parent(), *command.argv),
            stdin=subprocess.DEVNULL,
            env=env,
            cwd=command.cwd or None,
            start_new_session=True,
        )
        output: list[str] = []
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(log.open("a", encoding="utf-8")) if log else None
            try:
                async with limited(self.limit_s, command.argv, tail), anyio.create_task_group() as group:
                    group.start_soon(_read, process.stdout, tail, file, on_line, output)
                    group.start_soon(_read, process.stderr, tail, file, on_line, None)
                    status = await process.wait()
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await _end(process)
                raise
            finally:
                with anyio.CancelScope(shield=True):
                    await process.aclose()
        if status != 0:
            if was_killed(status, tail[-1] if tail else ""):
                status = -signal.SIGKILL
                tail.append(KILLED)
            text = "\n".join(tail)
            raise (NoSpaceError if FULL.search(text) else CommandError)(command.argv, status, text)
        return "".join(output)


@asynccontextmanager
async def limited(limit_s: float, argv: tuple[str, ...], tail: deque[str]) -> AsyncIterator[None]:
    """Let what is inside take `limit_s` at most.

    Raises:
        CommandError: it took longer.
    """
    try:
        with anyio.fail_after(limit_s):
            yield
    except TimeoutError as error:
        late = f"still running after {limit_s:g} s, so it was ended (DOCKWRIGHT_STEP_TIMEOUT_S)"
        raise CommandError(argv, -signal.SIGTERM, "\n".join([*tail, late])) from error


async def _read(
    stream: ByteReceiveStream | None,
    tail: deque[str],
    file: IO[str] | None,
    on_line: Callable[[str], None] | None,
    output: list[str] | None,
) -> None:
    assert stream is not None
    rest = b""
    async for chunk in stream:
        if output is not None:
            output.append(chunk.decode(errors="replace"))
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            _write(line, tail, file, on_line)
        if file is not None:
            file.flush()
    if rest:
        _write(rest, tail, file, on_line)


def _write(
    line: bytes, tail: deque[str], file: IO[str] | None, on_line: Callable[[str], None] | None
) -> None:
    text = line.decode(errors="replace").rstrip("\r").rsplit("\r", 1)[-1]
    tail.append(text)
    if file is not None:
        file.write(text + "\n")
    if on_line is not None:
        on_line(text)


async def _end(process: Process) -> None:
    """End the process and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with anyio.move_on_after(GRACE_S):
        await process.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
