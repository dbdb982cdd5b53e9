"""The engine of a command: installed where it is the embedded one, connected to where it is Dagger's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ci.cli.setup.install import install_first
from ci.engines.capabilities import expected_capabilities
from ci.engines.engine import Engine
from ci.run.workspace.workspace import Workspace


@asynccontextmanager
async def open_engine(workspace: Workspace, *, say: Callable[[str], None]) -> AsyncIterator[Engine]:
    """Yield the engine that the settings of `workspace` name.

    Raises:
        EngineError: there is none, or it can't be used.
    """
    settings = workspace.settings
    needed = expected_capabilities(settings.engine).debian_packages
    if needed == "always" or (needed == "for the bootstrap base" and workspace.base.kind == "bootstrap"):
        install_first()
    if settings.engine != "dagger":
        yield await workspace.engine()
        return
    registry = workspace.cache_registry
    from ci.engines.dagger.session import open_dagger  # with Dagger's SDK, which takes a second

    async with open_dagger(
        workspace.state.root / "dagger",
        loopback=registry.host if registry is not None and registry.is_loopback else "",
        limit_s=settings.step_timeout_s,
        say=say,
    ) as engine:
        yield engine
