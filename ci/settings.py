"""Every setting of dockwright, from DOCKWRIGHT_* variables and `.dockwright.env`, resolved once at the start.

Settings marked *hint* change how fast a build is, or where it downloads from, but never its result: they are
in no key.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ci.errors import UsageError
from ci.redaction import keep_url_secrets
from ci.steps.bootstrap import DEBIAN, SECURITY


class Settings(BaseSettings):
    """Frozen settings of one invocation; command-line options are laid over them with `with_`."""

    model_config = SettingsConfigDict(
        env_prefix="DOCKWRIGHT_", env_file=".dockwright.env", extra="ignore", frozen=True
    )

    stack: Path = Field(default=Path("docker"), description="Directory of the stack.")
    root: Path | None = Field(
        default=None,
        description="Folder for everything that is written: store, temporary files, caches, state. "
        "Unset: Buildah's own store, and the user's state directory.",
    )
    base: Literal["", "auto", "registry", "bootstrap"] = Field(
        default="", description="Kind of base image. Empty: the value in stack.toml."
    )
    engine: Literal["auto", "buildah", "docker", "podman", "dagger"] = Field(
        default="auto", description="Engine to build with. auto is Buildah, else Podman, else Docker."
    )
    isolation: Literal["auto", "oci", "chroot"] = Field(
        default="auto",
        description="How Buildah isolates a build step. oci: in a container of runc or crun; chroot: weaker. "
        "auto is oci where it works.",
    )
    jobs: int = Field(default=0, ge=0, description="Tasks to run in parallel (hint). 0: one per core.")
    progress: Literal["auto", "rich", "plain", "quiet"] = Field(
        default="auto", description="Progress display. auto is rich on a terminal, else plain."
    )
    debian_mirror: str = Field(default=DEBIAN, description="URL of the Debian archive (hint).")
    security_mirror: str = Field(default=SECURITY, description="URL of the Debian security archive (hint).")
    fetch_timeout_s: float = Field(
        default=30.0, gt=0, description="Seconds without data after which a download is tried again (hint)."
    )
    disk_floor_mb: int = Field(
        default=512,
        ge=0,
        description="Megabytes that must stay free on each disk. A run stops if less is free.",
    )
    ignore_disk: bool = Field(
        default=False, description="Start even if the estimate says that the disk is too small."
    )
    step_timeout_s: float = Field(
        default=1800.0,
        gt=0,
        description="Longest time of one command, in seconds. After that, the command is stopped and its "
        "task fails.",
    )

    registry: str = Field(
        default="", description="HOST[:PORT]/NAMESPACE of the registry from which images are reused."
    )
    registry_address: str = Field(
        default="",
        description="HOST:PORT at which this machine reaches the registry, if it differs from its name.",
    )
    cache: Literal["off", "read", "read-write"] = Field(
        default="read",
        description="How the registry is used. read-write also pushes images that it does not have.",
    )
    wheels: Literal["compiled", "all"] = Field(
        default="compiled",
        description="Wheels to share through the registry: compiled wheels only, or all, so that a run "
        "needs no Python package index.",
    )

    @property
    def state(self) -> Path:
        """The state directory: runs, key documents, caches, wheelhouses and debhouses; absolute."""
        if self.root is not None:
            return self.root.absolute() / "state"
        home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
        return Path(home) / "dockwright"

    @property
    def store(self) -> tuple[str, ...]:
        """Options that name the store to Buildah; empty: its default."""
        if self.root is None:
            return ()
        root = self.root.absolute()
        return ("--root", str(root / "store"), "--runroot", str(root / "run"))

    @property
    def tmpdir(self) -> Path:
        """Where the engine writes temporary files and cache mounts."""
        return (self.root.absolute() / "tmp") if self.root is not None else self.state / "tmp"

    def with_(self, **options: object) -> Settings:
        """Return these settings with the `options` that are not None laid over them.

        Raises:
            UsageError: a value is not one that the setting can have.
        """
        given = {name: value for name, value in options.items() if value is not None}
        return read_settings(**{**self.model_dump(), **given})


def read_settings(**options: object) -> Settings:
    """Return the settings of this process.

    Raises:
        UsageError: a variable has a value that its setting can't have; all such are named.
    """
    try:
        settings = Settings(**options)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"DOCKWRIGHT_{'_'.join(map(str, one['loc'])).upper()}: {one['input']!r} is not valid; "
            f"{one['msg'].partition(', unable to')[0].replace('Input should', 'it should')}"
            for one in error.errors()
        ]
        raise UsageError("\n".join(lines)) from error
    for value in settings.model_dump().values():
        if isinstance(value, str | Path):
            keep_url_secrets(str(value))
    return settings
