"""Whether the Dagger engine that this machine names can be used, found out without starting one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import anyio

from ci.cli.doctor.machine import DaggerAnswer
from ci.cli.doctor.probe import PROGRAM_S, answers_all
from ci.engines.dagger.reach import RUNNER_HOST, SESSION_PORT, refusal
from ci.errors import EngineError


def ask_dagger(environ: Mapping[str, str]) -> DaggerAnswer | None:
    """Return whether the engine that `environ` names can be used; None without one and without a `dagger`.

    An engine that would have to be started, or a program that would have to be downloaded, is not asked.
    """
    named = bool(environ.get(RUNNER_HOST) or environ.get(SESSION_PORT))
    if not named and shutil.which("dagger") is None:
        return None
    if error := refusal(environ):
        return DaggerAnswer(error=error)
    starts = environ.get(RUNNER_HOST, "").partition("://")[0].partition("+")[0] in ("image", "docker-image")
    has_program = bool(environ.get(SESSION_PORT) or shutil.which("dagger"))
    if not named or (starts and not environ.get(SESSION_PORT)) or not has_program:
        return DaggerAnswer()
    found = answers_all({"dagger": partial(anyio.run, _in_session)})["dagger"]
    return found or DaggerAnswer(error=f"an engine answers, but opens no session within {PROGRAM_S:g} s")


async def _in_session() -> DaggerAnswer:
    from ci.engines.dagger.session import open_dagger  # with Dagger's SDK, which takes a second

    with tempfile.TemporaryDirectory(prefix="dockwright-doctor-") as folder:
        archives = Path(folder) / "dagger"
        try:
            async with open_dagger(
                archives, loopback="", limit_s=PROGRAM_S, say=lambda _line: None
            ) as engine:
                return DaggerAnswer(limits=engine.cache)
        except EngineError as error:
            return DaggerAnswer(error=error.message.removeprefix("--engine dagger: "))
