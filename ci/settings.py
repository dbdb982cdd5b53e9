"""Every setting of dockwright, from DOCKWRIGHT_* variables and `.dockwright.env`, resolved once at the start.

Settings marked *hint* change how fast or from where, never what is built, and so are in no key.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ci.errors import UsageError
from ci.steps.bootstrap import DEBIAN, SECURITY


class Settings(BaseSettings):
    """Frozen settings of one invocation; command-line options are laid over them with `with_`."""

    model_config = SettingsConfigDict(
        env_prefix="DOCKWRIGHT_", env_file=".dockwright.env", extra="ignore", frozen=True
    )

    stack: Path = Field(default=Path("docker"), description="Directory of the stack.")
    root: Path | None = Field(
        default=None,
        description="Root of everything that is written: the store, its temporary files, the caches, the "
        "state. Unset: Buildah's own store, and the user's state directory.",
    )
    base: Literal["", "auto", "registry", "bootstrap"] = Field(
        default="", description="Kind of base; empty: what stack.toml says."
    )
    engine: Literal["auto", "buildah", "docker", "podman", "dagger"] = Field(
        default="auto", description="Engine."
    )
    isolation: Literal["chroot", "oci"] = Field(
        default="chroot", description="How Buildah isolates a step; `oci` uses runc."
    )
    jobs: int = Field(default=0, ge=0, description="Tasks at once (hint); 0: one per core.")
    progress: Literal["auto", "rich", "plain", "quiet"] = Field(
        default="auto", description="Progress display."
    )
    debian_mirror: str = Field(default=DEBIAN, description="Debian's archive (hint).")
    security_mirror: str = Field(default=SECURITY, description="Debian's security archive (hint).")
    fetch_timeout_s: float = Field(
        default=30.0, gt=0, description="Most seconds that a server may be silent before a next try (hint)."
    )
    disk_floor_mb: int = Field(
        default=512, ge=0, description="Megabytes that stay free: with less, a run stops."
    )
    ignore_disk: bool = Field(
        default=False, description="Start though an estimate says that the disk won't do."
    )
    step_timeout_s: float = Field(default=1800.0, gt=0, description="Most seconds that one command may run.")

    registry: str = Field(
        default="", description="HOST[:PORT]/NAMESPACE of the registry that images are reused from, by key."
    )
    registry_address: str = Field(
        default="", description="HOST:PORT that this registry is reached at from here, where not its own."
    )
    cache: Literal["off", "read", "read-write"] = Field(
        default="read", description="What is done with that registry; `read-write` also pushes what it lacks."
    )
    wheels: Literal["compiled", "all"] = Field(
        default="compiled",
        description="Which wheels are shared by that registry: the compiled ones, or all of them, so that a "
        "runner needs no Python index.",
    )

    @property
    def state(self) -> Path:
        """Where runs, key documents, caches, wheelhouses and debhouses are kept; absolute."""
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
        return Settings(**options)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"DOCKWRIGHT_{'_'.join(str(part) for part in mistake['loc']).upper()}: {mistake['msg']}, "
            f"not {mistake['input']!r}"
            for mistake in error.errors()
        ]
        raise UsageError("\n".join(lines)) from error
