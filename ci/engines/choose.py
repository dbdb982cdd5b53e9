"""Which engine builds here: the one that was asked for, else Buildah, else Podman, else Docker."""

from __future__ import annotations

import shutil
import subprocess

from ci.engines.buildah.commands import Buildah
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.docker import DockerEngine
from ci.engines.engine import Engine
from ci.engines.process.namespaces import pid_namespace
from ci.engines.process.privilege import privilege
from ci.engines.process.runner import Runner
from ci.errors import EngineError
from ci.settings import Settings

PROBE_S = 5.0


def choose_engine(settings: Settings, runner: Runner) -> Engine:
    """Return the engine of `settings`; `auto` takes the first that is usable.

    Raises:
        EngineError: the asked one, or every one, is missing or not usable by this user.
    """
    asked = settings.engine
    if asked == "dagger":
        raise EngineError("Dagger builds, and has no store that this command could look at or change")
    if asked in {"auto", "buildah"} and shutil.which("buildah"):
        settings.tmpdir.mkdir(parents=True, exist_ok=True)
        prefix = privilege()
        buildah = Buildah(
            privilege=prefix,
            store=settings.store,
            tmpdir=str(settings.tmpdir),
            isolation=settings.isolation,
            pid_namespace=pid_namespace(prefix),
        )
        return BuildahEngine(buildah=buildah, runner=runner)
    for program in ("podman", "docker") if asked == "auto" else (asked,):
        if program != "buildah" and shutil.which(program) and _answers(program):
            return DockerEngine(program=program, runner=runner)
    if asked == "auto":
        raise EngineError(
            "no engine: `apt-get install buildah`, or start Docker; `dockwright doctor` says more"
        )
    missing = "is not installed" if not shutil.which(asked) else "does not answer (is its daemon running?)"
    raise EngineError(f"--engine {asked}: {asked} {missing}; `dockwright doctor` says what works here")


def _answers(program: str) -> bool:
    try:
        done = subprocess.run((program, "info"), capture_output=True, check=False, timeout=PROBE_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
