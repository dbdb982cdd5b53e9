"""What a Dagger engine that this machine names answers, asked without starting one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from ci.cli.doctor.probe import PROGRAM_S, answers_all
from ci.engines.dagger.cache import CacheLimits
from ci.engines.dagger.reach import RUNNER_HOST, SESSION_PORT, refusal
from ci.errors import EngineError


@dataclass(frozen=True, slots=True, kw_only=True)
class DaggerAnswer:
    """What became of looking for an engine.

    Attributes:
        fault: why it can't be used, empty where it can.
        limits: those of its cache; None where it was not asked.
    """

    fault: str = ""
    limits: CacheLimits | None = None


def ask_dagger(environ: Mapping[str, str]) -> DaggerAnswer | None:
    """Return what the engine is like that `environ` names; None where there is neither one nor a `dagger`.

    An engine that would have to be started, or a program that would have to be fetched, is not asked.
    """
    named = bool(environ.get(RUNNER_HOST) or environ.get(SESSION_PORT))
    if not named and shutil.which("dagger") is None:
        return None
    if fault := refusal(environ):
        return DaggerAnswer(fault=fault)
    starts = environ.get(RUNNER_HOST, "").partition("://")[0].partition("+")[0] in ("image", "docker-image")
    has_program = bool(environ.get(SESSION_PORT) or shutil.which("dagger"))
    if not named or (starts and not environ.get(SESSION_PORT)) or not has_program:
        return DaggerAnswer()
    found = answers_all({"dagger": partial(anyio.run, _in_session)})["dagger"]
    return found or DaggerAnswer(fault=f"an engine is there, and opens no session within {PROGRAM_S:g} s")


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
            return DaggerAnswer(fault=str(error).removeprefix("--engine dagger: "))
