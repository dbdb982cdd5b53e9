"""Build inputs fetched by programs that run inside a Dagger engine; see ci/engines/input_fetcher.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci.engines.dagger.sdk import written
from ci.engines.engine import File, Folder, Output
from ci.engines.input_fetcher import FetchRun
from ci.engines.network import CA_TARGET

if TYPE_CHECKING:
    from ci.engines.dagger.engine import DaggerEngine

ROOT_USER = "0:0"


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
        sharing = CacheSharingMode.LOCKED if run.volume.exclusive else CacheSharingMode.SHARED
        volume = client.cache_volume(run.volume.name, sharing=sharing)
        container = self.engine.container(run.image).with_user(ROOT_USER)
        for path, text in run.files.items():
            container = container.with_new_file(path, text)
        folder, target = run.program
        container = container.with_mounted_directory(target, written(client, folder), read_only=True)
        container = container.with_mounted_cache(run.volume.path, volume, sharing=sharing)
        if self.engine.ca is not None:
            container = container.with_mounted_file(CA_TARGET, self.engine.ca)
        for name, value in {**self.engine.network_env, **run.env}.items():
            container = container.with_env_variable(name, value)
        return await self.engine.made(container.with_exec(list(run.argv)), run.result, output)

    async def import_archived(self, name: str, output: Output) -> bool:
        """Import the image `name` from the archive of an earlier session; return whether there was one."""
        path = self.engine.archive_of(name)
        if not path.is_file():
            return False
        await self.engine.import_archive(self.engine.folder(path.parent).file(path.name), name, output)
        return True

    def file_in(self, folder: Folder, name: str) -> File:
        """Return a file of a folder that `fetch_folder` returned."""
        assert not isinstance(folder, Path)
        return folder.file(name)
