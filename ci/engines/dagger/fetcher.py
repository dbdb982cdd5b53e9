"""Build inputs fetched by programs that run inside a Dagger engine; see ci/engines/input_fetcher.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ci.engines.dagger.sdk import written
from ci.engines.engine import File, Folder, Output
from ci.engines.input_fetcher import FetchRun
from ci.engines.network import CA_TARGET
from ci.names.digest import digest_of
from ci.redaction import redacted

if TYPE_CHECKING:
    import dagger

    from ci.engines.dagger.engine import DaggerEngine

ROOT_USER = "0:0"
NO_NETWORK = ("unshare", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
"""Nothing that a program leaves behind outlives it. Source: unshare(1), pid_namespaces(7)."""


@dataclass(frozen=True, slots=True)
class DaggerFetcher:
    """Runs fetching programs in containers of `engine`, whose cache knows them by their inputs."""

    engine: DaggerEngine

    async def fetch_folder(self, run: FetchRun, output: Output) -> Folder:
        """Run a fetching program and return the folder that it leaves.

        A volume's sharing is part of its identity, so each has to be mounted in one way only.
        Source: Dagger 0.21.8, core/schema/cache.go.
        """
        from dagger import CacheSharingMode

        client = self.engine.client
        container = self.engine.container(run.image).with_user(ROOT_USER)
        for path, text in run.files.items():
            container = self._with_document(container, path, text)
        folder, target = run.program
        container = container.with_mounted_directory(target, written(client, folder), read_only=True)
        if run.volume is not None:
            sharing = CacheSharingMode.LOCKED if run.volume.exclusive else CacheSharingMode.SHARED
            volume = client.cache_volume(run.volume.name, sharing=sharing)
            container = container.with_mounted_cache(run.volume.path, volume, sharing=sharing)
        for path, mounted in run.folders.items():
            assert not isinstance(mounted, Path)
            container = container.with_mounted_directory(path, mounted, read_only=True)
        if run.network:
            container = self._with_network(container)
        for name, value in run.env.items():
            container = container.with_env_variable(name, value)
        # a step always has the network, so a program without leaves it itself, which takes root's rights
        argv = [*(() if run.network else NO_NETWORK), *run.argv]
        container = container.with_exec(argv, insecure_root_capabilities=not run.network)
        return await self.engine.made(container, run.result, output)

    def _with_document(self, container: dagger.Container, path: str, text: str) -> dagger.Container:
        """Return `container` with a file; as a secret where it has one, such as the password of a mirror.

        The secret's name tells documents apart that differ in what they are about.
        """
        public = redacted(text)
        if public == text:
            return container.with_new_file(path, text)
        name = f"dockwright-{PurePosixPath(path).name}-{digest_of(public.encode())[7:39]}"
        return container.with_mounted_secret(path, self.engine.client.set_secret(name, text))

    def _with_network(self, container: dagger.Container) -> dagger.Container:
        """Return `container` with certificates, and with what may have a password as a secret."""
        if self.engine.ca is not None:
            container = container.with_mounted_file(CA_TARGET, self.engine.ca)
        for name, value in self.engine.network_env.items():
            container = container.with_env_variable(name, value)
        for path, text in self.engine.network_secrets.items():
            secret = self.engine.client.set_secret(f"dockwright-{PurePosixPath(path).name}", text)
            container = container.with_mounted_secret(path, secret)
        return container

    async def import_archived(self, name: str, output: Output) -> bool:
        """Import the image `name` from the archive of an earlier session; return whether there was one."""
        path = self.engine.archive_of(name)
        if not path.is_file():
            return False
        await self.engine.import_archive(self.engine.folder(path.parent).file(path.name), name, output)
        return True

    def folder_in(self, folder: Folder, path: str) -> Folder:
        """Return a folder in a folder that `fetch_folder` returned."""
        assert not isinstance(folder, Path)
        return folder.directory(path)

    async def read(self, folder: Folder, name: str) -> str:
        """Return the text of a file of a folder that `fetch_folder` returned; empty where there is none."""
        assert not isinstance(folder, Path)
        if name not in await folder.entries():
            return ""
        return await folder.file(name).contents()

    def file_in(self, folder: Folder, name: str) -> File:
        """Return a file of a folder that `fetch_folder` returned."""
        assert not isinstance(folder, Path)
        return folder.file(name)
