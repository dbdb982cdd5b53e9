"""A run inside the container of a Dagger module: its arguments, its files, its engine, its messages."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ci.engines.dagger.engine import DaggerEngine
from ci.engines.engine import Engine, Output
from ci.engines.network import CA_TARGET, CA_VARIABLES, SECRETS_TARGET, SECRETS_VARIABLE, network_secrets
from ci.errors import UsageError
from ci.redaction import keep_url_secrets, redacted
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
"""The stack's directory in the repository of the module, unless `source` is another one."""
FOLDER = "dockwright"
"""Folder of all files, below the module's working directory: the engine can read no other."""
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def named_checkout(revision: str) -> Checkout | None:
    """Return the checkout of the module's own repository at the commit `revision`, None where it is empty.

    A module's container has no git, so the caller names the commit of an unchanged checkout. The stack is
    assumed to be the default of `source`.

    Raises:
        UsageError: it is not the full name of a commit.
    """
    if not revision:
        return None
    if not COMMIT.fullmatch(revision):
        raise UsageError(
            f"--revision {revision}: not the full name of a commit",
            hint="`git rev-parse HEAD` prints that of the current commit",
        )
    return Checkout(commit=revision, stack=STACK, code=".")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleArguments:
    """The arguments of the module itself, before those of a function.

    Attributes:
        source: the stack's directory.
        settings: values of settings by their names; empty texts and 0 leave the default.
        base_archive: the bootstrap base, made elsewhere.
        ca: certificate authorities of the network.
        index_url: index of Python packages; its URL may have a password, so Dagger shows it nowhere.
        username, password: credentials of the registry.
        registry_service: the registry, where only the caller of the module reaches it.
    """

    source: dagger.Directory
    settings: Mapping[str, str | int] = field(default_factory=dict)
    base_archive: dagger.File | None = None
    ca: dagger.File | None = None
    index_url: dagger.Secret | None = None
    username: str = ""
    password: dagger.Secret | None = None
    registry_service: dagger.Service | None = None

    async def environ(self) -> dict[str, str]:
        """Return the credentials as the command line's variables.

        Raises:
            UsageError: there is a password without a user, or the reverse, or the secret can't be read.
        """
        if self.password is None and not self.username:
            return {}
        if self.password is None:
            raise UsageError("--username without --password", hint="add `--password env://REGISTRY_PASSWORD`")
        if not self.username:
            raise UsageError("--password without --username", hint="add `--username USER`")
        password = await _plaintext(self.password, "--password")
        return {"DOCKWRIGHT_REGISTRY_USER": self.username, "DOCKWRIGHT_REGISTRY_PASSWORD": password}

    async def index(self) -> dict[str, str]:
        """Return the index of Python packages as a variable; nothing where none is given.

        What it has of a login is hidden from now on.

        Raises:
            UsageError: the secret is empty or can't be read.
        """
        if self.index_url is None:
            return {}
        url = await _plaintext(self.index_url, "--index-url")
        keep_url_secrets(url)
        return {"PIP_INDEX_URL": url}

    async def _address(self) -> str:
        """Start the registry's service and return `HOST:PORT` of it; empty where there is no service."""
        if self.registry_service is None:
            return ""
        return await (await self.registry_service.start()).endpoint()

    async def export_stack(self) -> Path:
        """Copy the stack's files into this container and return their directory."""
        stack = Path.cwd() / FOLDER / STACK
        await self.source.export(str(stack))
        return stack

    async def workspace(self, cache: str = "") -> Workspace:
        """Open the stack in this container.

        Raises:
            CatalogError: the stack has errors.
            UsageError: a value is not one that its setting can have, or has a password and is no secret.
        """
        self._refuse_logins()
        stack = await self.export_stack()
        values = {**self.settings, "registry_address": await self._address(), "cache": cache}
        options = {name: value for name, value in values.items() if value}
        return open_workspace(
            read_settings(stack=stack, root=Path.cwd() / FOLDER / "root", engine="dagger", **options)
        )

    def _refuse_logins(self) -> None:
        for name, value in self.settings.items():
            if isinstance(value, str) and redacted(value) != value:
                keep_url_secrets(value)
                raise UsageError(
                    f"--{name.replace('_', '-')}: the URL has a user or a password, and Dagger shows what it "
                    "is given",
                    hint="use a mirror without a login, or build with `./dockwright` and Buildah",
                )


async def _plaintext(secret: dagger.Secret, option: str) -> str:
    """Return the text of a secret, given with `option`.

    Raises:
        UsageError: it is empty or can't be read.
    """
    from dagger import QueryError

    try:
        text = await secret.plaintext()
    except QueryError as error:
        raise UsageError(f"{option}: {error}", hint="set the variable that it is read from") from error
    if not text:
        raise UsageError(f"{option}: the secret is empty", hint="set the variable that it is read from")
    return text


@dataclass(slots=True, kw_only=True)
class ModuleHost:
    """Starts runs for a function of the module: see ci/run/build/run.py."""

    client: dagger.Client
    arguments: ModuleArguments
    engine: DaggerEngine | None = None
    """The engine of the run; None until one is needed."""

    def say(self, line: str) -> None:
        """Print a line on standard error, which Dagger shows while a function runs."""
        print(redacted(line), file=sys.stderr, flush=True)

    @asynccontextmanager
    async def opened(self, workspace: Workspace) -> AsyncIterator[Engine]:
        """Yield the engine that runs this module, with the base imported where `base_archive` has it."""
        given = self.arguments
        env = {SECRETS_VARIABLE: SECRETS_TARGET}
        index = await given.index()
        if given.ca is not None:
            env |= dict.fromkeys(CA_VARIABLES, CA_TARGET)
        self.engine = DaggerEngine(
            client=self.client,
            folder=self.folder,
            archives=workspace.state.root / "archives",
            network_env=env,
            network_secrets=network_secrets(index),
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
            inputs = EngineInputs(local=local, engine=engine, fetcher=fetcher, needed=needed)
            output = Output(on_line=self.say)
            await inputs.base(output)
            await inputs.debhouse(output)
            found = await inputs.complete_wheelhouse(variant, output)
            assert not isinstance(found, Path)
            return found

    def folder(self, path: Path) -> dagger.Directory:
        """Return a folder of this container."""
        module = self.client.current_module()
        return module.workdir(str(path.absolute().relative_to(Path.cwd())))

    @contextmanager
    def shown(self, workspace: Workspace) -> Iterator[Listener]:  # noqa: ARG002 no setting changes how
        """Print a line per event."""

        def show(event: Event) -> None:
            line = line_of(event)
            if line:
                self.say(line)

        yield show

    def estimate(self, *_: object) -> None:
        """Return nothing: the engine does not use a disk of this machine."""
