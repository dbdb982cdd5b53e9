"""A session with a Dagger engine from the command line: reached, of the right version, and warned about."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from ci.engines.dagger.cache import cache_limits
from ci.engines.dagger.engine import DaggerEngine
from ci.engines.dagger.reach import SESSION_PORT, check_reach
from ci.engines.network import ca_bundle, network_env, network_secrets
from ci.errors import EngineError
from ci.names.host import parse_host
from ci.version import dagger_version

if TYPE_CHECKING:
    import dagger

CLI_BIN = "_EXPERIMENTAL_DAGGER_CLI_BIN"
CLI_LIMIT_S = 5.0


@asynccontextmanager
async def open_dagger(
    archives: Path, *, loopback: str, limit_s: float, say: Callable[[str], None]
) -> AsyncIterator[DaggerEngine]:
    """Yield the engine of a new session; `loopback` is the run's registry if that is on this machine.

    Raises:
        EngineError: no engine answers, or it, or the program `dagger`, has another version than the SDK.
    """
    await anyio.to_thread.run_sync(check_reach, os.environ)
    await anyio.to_thread.run_sync(_choose_cli)
    import dagger
    from dagger import dag

    log = archives.parent / "dagger.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore", dagger.VersionMismatch)  # it is an error of ours
        try:
            async with dagger.connection(dagger.Config(log_output=stream, retry=None)):
                check_version(await dag.version())
                limits = await cache_limits(dag)
                if limits.size_warning:
                    say(f"warning: {limits.size_warning}")
                bundle = ca_bundle(os.environ)
                yield DaggerEngine(
                    client=dag,
                    folder=lambda path: dag.host().directory(str(path.absolute())),
                    archives=archives,
                    cache=limits,
                    network_env=network_env(os.environ),
                    network_secrets=network_secrets(os.environ),
                    ca=dag.host().file(str(bundle.resolve())) if bundle is not None else None,
                    registry=_loopback(dag, loopback),
                    limit_s=limit_s,
                )
        except (dagger.DaggerError, OSError) as error:
            raise EngineError(
                f"--engine dagger: {error}", hint=f"see the engine's output in {log}"
            ) from error


def _loopback(client: dagger.Client, registry: str) -> dagger.Service | None:
    """Return a registry of this machine as a service: an engine has a loopback address of its own."""
    import dagger

    host = parse_host(registry) if registry else None
    if host is None or host.port is None:
        return None
    return client.host().service([dagger.PortForward(backend=host.port)], host=host.name)


def _choose_cli() -> None:
    """Make the SDK start the `dagger` of the search path; without one it downloads its own.

    Raises:
        EngineError: it has another version.
    """
    found = os.environ.get(CLI_BIN) or shutil.which("dagger")
    if not found or os.environ.get(SESSION_PORT):
        return
    try:
        output = subprocess.run(
            (found, "version"), capture_output=True, text=True, check=True, timeout=CLI_LIMIT_S
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineError(f"--engine dagger: `{found} version` does not work ({error})") from error
    version = re.search(r"v(\d+\.\d+\.\d+\S*)", output)
    if version is None or version[1] != dagger_version():
        raise EngineError(
            f"--engine dagger: {found} is {output.split('(')[0].strip() or 'of no version'}, and the SDK is "
            f"{dagger_version()}: their protocol changes between versions",
            hint=f"install dagger {dagger_version()}",
        )
    os.environ[CLI_BIN] = found


def check_version(version: str) -> None:
    """Compare an engine's own version with the SDK's.

    Raises:
        EngineError: they differ.
    """
    if version.removeprefix("v").partition("+")[0] != dagger_version():
        raise EngineError(
            f"--engine dagger: the engine is {version}, the SDK {dagger_version()}: their protocol "
            "changes between versions",
            hint=f"start an engine {dagger_version()}, for example with "
            f"`_EXPERIMENTAL_DAGGER_RUNNER_HOST=image://registry.dagger.io/engine:v{dagger_version()}`",
        )
