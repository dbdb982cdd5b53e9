"""Where the images of a run get what comes from outside: a base, wheels, Debian packages."""

from __future__ import annotations

from typing import Protocol

from ci.catalog.stack import ImageVariant
from ci.engines.engine import File, Folder, Output
from ci.run.workspace.workspace import Workspace


class BuildInputs(Protocol):
    """The houses of one run: `LocalInputs` on this machine, `DaggerInputs` inside an engine."""

    @property
    def workspace(self) -> Workspace:
        """The workspace of the run."""
        ...

    def root_image(self) -> str:
        """Return the name of the image that root images, and what fetches, start from."""
        ...

    async def base(self, output: Output) -> bool:
        """Bring what root images start from to the engine; return whether anything was to be done."""
        ...

    async def debhouse(self, output: Output) -> bool:
        """Fetch the Debian packages; return whether anything was to be done."""
        ...

    async def wheelhouse(self, variant: str, output: Output) -> bool:
        """Fetch and compile the wheels of a variant; return whether anything was to be done."""
        ...

    def folders(self, image: ImageVariant) -> dict[str, Folder]:
        """Return the folder behind each reference that the steps of `image` mount."""
        ...

    def parts(self, image: ImageVariant) -> dict[str, str]:
        """Return the digest of what `image` uses of each house, by the build argument that names it."""
        ...

    def uv(self, image: ImageVariant) -> File | None:
        """Return uv, None where the image's house has none."""
        ...
