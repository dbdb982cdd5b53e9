"""Which engine builds here: the requested one, else Buildah, else Podman, else Docker."""

from __future__ import annotations

import os
import shutil
import subprocess

from ci.engines.buildah.commands import Buildah
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.buildah.find_storage import find_storage
from ci.engines.buildah.isolation import Isolation
from ci.engines.buildah.renamed_parents import RenamedParents
from ci.engines.buildah.runtime import find_isolation
from ci.engines.buildkit import find_client
from ci.engines.capabilities import REPRODUCIBLE
from ci.engines.docker import DockerEngine
from ci.engines.engine import Engine
from ci.engines.process.namespaces import pid_namespace
from ci.engines.process.privilege import find_privilege
from ci.engines.process.runner import Runner
from ci.errors import EngineError
from ci.settings import Settings

PROBE_S = 5.0


def choose_engine(settings: Settings, runner: Runner, *, runs_steps: bool = True) -> Engine:
    """Return the engine of `settings`; `auto` takes the first that is usable.

    It starts child processes to find out what works, so a coroutine calls it in a thread. How steps are
    isolated is found out by running a container, so not for an engine that only reads its store.

    Raises:
        EngineError: the requested one, or every one, is missing or not usable by this user.
    """
    name = settings.engine
    if name == "dagger":
        raise EngineError(
            "--engine dagger: Dagger has no image store on this machine that this command could use",
            hint="use `--engine buildah`, podman or docker",
        )
    if name in {"auto", "buildah"} and shutil.which("buildah"):
        settings.tmpdir.mkdir(parents=True, exist_ok=True)
        privilege = find_privilege()
        namespace = pid_namespace(privilege.prefix)
        isolation = Isolation()
        if runs_steps:
            isolation = find_isolation(settings.isolation, privilege.prefix, namespace)
        buildah = Buildah(
            privilege=privilege,
            storage=find_storage(settings.store, privilege.prefix, os.environ),
            tmpdir=str(settings.tmpdir),
            isolation=isolation,
            pid_namespace=namespace,
        )
        return BuildahEngine(buildah=buildah, runner=runner)
    for program in ("podman", "docker") if name == "auto" else (name,):
        if program != "buildah" and shutil.which(program) and _answers(program):
            return DockerEngine(program=program, client=find_client(program), runner=runner)
    if name == "auto":
        raise EngineError(
            "no container engine is usable on this machine",
            hint="run `apt-get install buildah`, or start Docker; `dockwright doctor` shows more",
        )
    missing = "is not installed" if not shutil.which(name) else "does not answer (is its daemon running?)"
    raise EngineError(
        f"--engine {name}: {name} {missing}", hint="`dockwright doctor` shows which engines work here"
    )


def choose_reproducible_engine(settings: Settings, runner: Runner, *, rename_parents: bool) -> Engine:
    """Return the engine whose digests are equal everywhere; with `rename_parents`, under other parent names.

    Raises:
        EngineError: it is missing or not usable by this user.
    """
    engine = choose_engine(settings.with_(engine=REPRODUCIBLE), runner)
    assert isinstance(engine, BuildahEngine)
    return RenamedParents(buildah=engine.buildah, runner=engine.runner) if rename_parents else engine


def _answers(program: str) -> bool:
    try:
        done = subprocess.run((program, "info"), capture_output=True, check=False, timeout=PROBE_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
