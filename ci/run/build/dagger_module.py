"""A run inside the container of a Dagger module: its files, its engine, and what it tells."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci.engines.dagger.engine import DaggerEngine
from ci.engines.engine import Engine, Output
from ci.engines.network import CA_TARGET, CA_VARIABLES
from ci.errors import UsageError
from ci.report.event_text import line_of
from ci.report.events import Checkout, Event
from ci.run.inputs.engine_inputs import EngineInputs
from ci.run.inputs.local import LocalInputs
from ci.run.tasks.event_log import Listener
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import read_settings

if TYPE_CHECKING:
    import dagger

STACK = "docker"
"""Where the stack is in the repository of the module, unless another directory is given."""
FOLDER = "dockwright"
"""Where all of it is, below the module's own working directory: only that can be given to the engine."""
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def named_checkout(revision: str) -> Checkout | None:
    """Return the checkout of the module's own repository at a commit, None where none is named.

    There is no git in a module's container, so the caller says what it gives, and that it is unchanged. That
    the stack is where `source` has it by default is taken for granted.

    Raises:
        UsageError: it is no commit's full name.
    """
    if not revision:
        return None
    if not COMMIT.fullmatch(revision):
        raise UsageError(
            f"--revision {revision}: no commit's full name; `git rev-parse HEAD` prints the one that is "
            "checked out"
        )
    return Checkout(commit=revision, stack=STACK, code=".")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleArguments:
    """What a module was given to build with; empty texts and None leave the choice to the settings."""

    source: dagger.Directory
    base: str = ""
    base_archive: dagger.File | None = None
    ca: dagger.File | None = None
    index_url: str = ""
    debian_mirror: str = ""
    security_mirror: str = ""
    registry: str = ""
    username: str = ""
    password: dagger.Secret | None = None
    registry_service: dagger.Service | None = None
    jobs: int = 0

    async def environ(self) -> dict[str, str]:
        """Return the credentials as the command line's variables.

        Raises:
            UsageError: there is a password without a user, or the reverse, or the secret can't be read.
        """
        from dagger import QueryError

        if self.password is None and not self.username:
            return {}
        if self.password is None:
            raise UsageError("--username without --password: give that too, such as env://REGISTRY_PASSWORD")
        if not self.username:
            raise UsageError("--password without --username: say whose it is")
        try:
            password = await self.password.plaintext()
        except QueryError as error:
            raise UsageError(f"--password: {error}") from error
        if not password:
            raise UsageError("--password: the secret is empty; is the variable set that it is taken from?")
        return {"DOCKWRIGHT_REGISTRY_USER": self.username, "DOCKWRIGHT_REGISTRY_PASSWORD": password}

    async def _address(self) -> str:
        """Return where a service is reached from this container, empty where there is none."""
        if self.registry_service is None:
            return ""
        return await (await self.registry_service.start()).endpoint()

    async def laid_out(self) -> Path:
        """Bring the stack's files into this container and return their directory."""
        stack = Path.cwd() / FOLDER / STACK
        await self.source.export(str(stack))
        return stack

    async def workspace(self, cache: str = "") -> Workspace:
        """Open the stack in this container.

        Raises:
            CatalogError: the stack has mistakes.
            UsageError: a value is not one that its setting can have.
        """
        stack = await self.laid_out()
        given = {
            "base": self.base,
            "debian_mirror": self.debian_mirror,
            "security_mirror": self.security_mirror,
            "registry": self.registry,
            "registry_address": await self._address(),
            "cache": cache,
            "jobs": self.jobs,
        }
        options = {name: value for name, value in given.items() if value}
        return open_workspace(
            read_settings(stack=stack, root=Path.cwd() / FOLDER / "root", engine="dagger", **options)
        )


@dataclass(slots=True, kw_only=True)
class ModuleHost:
    """A run that a module's function starts: see ci/run/build/run.py."""

    client: dagger.Client
    given: ModuleArguments
    engine: DaggerEngine | None = None
    """The engine of the run, once one was needed."""

    def say(self, line: str) -> None:
        """Tell the user a line at once: standard error is what Dagger shows of a function."""
        print(line, file=sys.stderr, flush=True)

    @asynccontextmanager
    async def opened(self, workspace: Workspace) -> AsyncIterator[Engine]:
        """Give the engine that runs this module, with the base in it where that was brought."""
        given = self.given
        env = {"PIP_INDEX_URL": given.index_url} if given.index_url else {}
        if given.ca is not None:
            env |= dict.fromkeys(CA_VARIABLES, CA_TARGET)
        self.engine = DaggerEngine(
            client=self.client,
            folder=self.folder,
            archives=workspace.state.root / "archives",
            network_env=env,
            ca=given.ca,
            registry=given.registry_service,
            limit_s=workspace.settings.step_timeout_s,
        )
        if given.base_archive is not None and workspace.base.kind == "bootstrap":
            await self.engine.import_archive(given.base_archive, workspace.root_image, Output())
        yield self.engine

    async def wheelhouse(self, workspace: Workspace, variant: str) -> dagger.Directory:
        """Return all wheels of a variant, as one folder."""
        async with self.opened(workspace) as engine:
            assert isinstance(engine, DaggerEngine)
            local = LocalInputs(workspace=workspace, engine=engine)
            needed = {image.id for image in workspace.stack.images if image.variant == variant}
            fetcher = engine.input_fetcher
            houses = EngineInputs(local=local, engine=engine, fetcher=fetcher, needed=needed)
            output = Output(on_line=self.say)
            await houses.base(output)
            await houses.debhouse(output)
            found = await houses.complete_wheelhouse(variant, output)
            assert not isinstance(found, Path)
            return found

    def folder(self, path: Path) -> dagger.Directory:
        """Return a folder of this container."""
        module = self.client.current_module()
        return module.workdir(str(path.absolute().relative_to(Path.cwd())))

    @contextmanager
    def shown(self, workspace: Workspace) -> Iterator[Listener]:  # noqa: ARG002 there is one way to show it
        """Show a line per event."""

        def show(event: Event) -> None:
            line = line_of(event)
            if line:
                self.say(line)

        yield show

    def estimate(self, *_: object) -> None:
        """Return nothing: the engine does not use a disk of this machine."""
