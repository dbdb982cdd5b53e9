"""Build inputs: the base image, wheels and Debian packages that the images of a run are built from."""

from __future__ import annotations

from typing import Protocol

from ci.catalog.stack import ImageVariant
from ci.engines.engine import File, Folder, Output
from ci.run.workspace.workspace import Workspace


class BuildInputs(Protocol):
    """The build inputs of one run: `LocalInputs` on this machine, `EngineInputs` inside an engine.

    `output.on_line` gets the messages of the fetching programs, and what is waited for; all that programs
    write goes to `output.log`.
    """

    @property
    def workspace(self) -> Workspace:
        """The workspace of the run."""
        ...

    def root_image(self) -> str:
        """Return the name of the image that root images, and the fetching containers, start from."""
        ...

    async def base(self, output: Output) -> bool:
        """Make the image that root images start from available; return whether there was work to do."""
        ...

    async def debhouse(self, output: Output) -> bool:
        """Fetch the Debian packages; return whether there was work to do."""
        ...

    async def wheelhouse(self, variant: str, output: Output) -> bool:
        """Fetch and compile the wheels of a variant; return whether there was work to do."""
        ...

    async def changed_files(self, image: ImageVariant) -> tuple[str, ...]:
        """Return which files of `image` were changed after they were fetched, a sentence each.

        All are hashed. They are fetched again when they are needed next.
        """
        ...

    def folders(self, image: ImageVariant) -> dict[str, Folder]:
        """Return the folder behind each reference that the steps of `image` mount."""
        ...

    def parts(self, image: ImageVariant) -> dict[str, str]:
        """Return the digest of the files that `image` uses of each folder, by the build argument for it."""
        ...

    def uv(self, image: ImageVariant) -> File | None:
        """Return uv, None where the image's wheelhouse has none."""
        ...
