"""Every setting of dockwright, from DOCKWRIGHT_* variables and files, resolved once at the start.

A setting has an origin. A file in the current folder may have come with a cloned repository, so it can set
few settings (`BY_A_FOLDER`), and no file can name the registry that gets the credentials of the environment.

Settings marked *hint* change how fast a build is, or where it downloads from, but never its result: they are
in no key.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, PrivateAttr, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from ci.bounded.file import SMALL_BYTES, read_file
from ci.errors import UsageError
from ci.names.folder import printable, undecodable, unusable
from ci.redaction import keep_url_secrets
from ci.steps.bootstrap import DEBIAN, SECURITY

PREFIX = "DOCKWRIGHT_"
FILE = ".dockwright.env"
Origin = Literal["default", "folder", "own file", "environment", "option"]
"""Where a value is from: `folder` is the file in the current folder, `own file` one of this user."""
BY_A_FOLDER = frozenset(
    {"stack", "base", "jobs", "progress", "fetch_timeout_s", "step_timeout_s", "registry", "cache", "wheels"}
)
"""What the file in the current folder can set. The others name a place to write to or to connect to, choose
what foreign code runs in, or switch off a check of this machine."""


class Settings(BaseSettings):
    """Frozen settings of one invocation; command-line options are laid over them with `with_`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)
    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    stack: Path = Field(default=Path("docker"), description="Directory of the stack.")
    root: Path | None = Field(
        default=None,
        description="Folder for everything that is written: store, temporary files, caches, state. "
        "Unset: Buildah's own store, and the user's state directory.",
    )

    @field_validator("root", mode="before")
    @classmethod
    def _unset(cls, value: object) -> object:
        """Take an empty value for none: a workflow's variable that is not set is empty."""
        return None if value == "" else value

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

    def origin(self, name: str) -> Origin:
        """Return where the value of a setting is from."""
        return self._origins.get(name, "default")

    def is_of_a_file(self, name: str) -> bool:
        """Whether a file has set it, and neither the environment nor the command line."""
        return self.origin(name) in ("folder", "own file")

    @property
    def state(self) -> Path:
        """The state directory: runs, key documents, caches, wheelhouses and debhouses; absolute."""
        if self.root is not None:
            return _real(self.root) / "state"
        home = os.environ.get("XDG_STATE_HOME") or str(_home() / ".local/state")
        return _real(Path(home)) / "dockwright"

    @property
    def store(self) -> tuple[str, ...]:
        """Options that name the store to Buildah; empty: its default."""
        if self.root is None:
            return ()
        root = _real(self.root)
        return ("--root", str(root / "store"), "--runroot", str(root / "run"))

    @property
    def tmpdir(self) -> Path:
        """Where the engine writes temporary files and cache mounts."""
        return (_real(self.root) / "tmp") if self.root is not None else self.state / "tmp"

    def check_folders(self) -> None:
        """Check the paths of all folders that are written to, and of the stack.

        Raises:
            UsageError: one of them is such that some program of a build can't use it; nothing was done yet.
        """
        written = {
            "the folder of `--root`" if self.root is not None else "the state directory": self.state.parent,
            "the folder of TMPDIR": _real(Path(os.environ.get("TMPDIR") or "/tmp")),  # noqa: S108 its default
        }
        for what, folder in written.items():
            if reason := unusable(folder):
                raise UsageError(
                    f"{printable(folder)}: {what} can't be used: {reason}",
                    hint="use a folder whose path has letters, digits and `. _ - + @ ~` only, such as "
                    f"`{'TMPDIR=/var/tmp' if 'TMPDIR' in what else '--root /var/tmp/dockwright'}`",
                )
        stack = self.stack.absolute()
        if reason := undecodable(stack):
            raise UsageError(
                f"{printable(stack)}: the stack can't be used: {reason}", hint="rename the folder"
            )

    def with_(self, **options: object) -> Settings:
        """Return these settings with the `options` that are not None laid over them.

        Raises:
            UsageError: a value is not one that the setting can have.
        """
        given = {name: value for name, value in options.items() if value is not None}
        origins: dict[str, Origin] = {**self._origins, **dict.fromkeys(given, "option")}
        return _validated({**self.model_dump(), **given}, origins, {})


def _real(folder: Path) -> Path:
    """Return a folder without symbolic links, absolute: what is mounted in it is listed by that name."""
    return Path(os.path.realpath(folder))


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise UsageError("this user has no home directory", hint="set HOME, or use `--root DIR`") from error


def user_file(environ: Mapping[str, str]) -> Path:
    """Return the file of this user's settings. Source: XDG Base Directory Specification."""
    home = environ.get("XDG_CONFIG_HOME") or str(_home() / ".config")
    return Path(home, "dockwright/dockwright.env")


def read_settings(own_files: Iterable[Path] = (), /, **options: object) -> Settings:
    """Return the settings of this process: of files, then of the environment, then `options`.

    `own_files` are files of this user; that of the current folder may be anybody's.

    Raises:
        UsageError: a value is one that its setting can't have, or that this file can't set; all are named.
    """
    values: dict[str, object] = {}
    origins: dict[str, Origin] = {}
    files: dict[str, Path] = {}
    for path, origin in _files(own_files, Path(FILE)):
        for name, value in _values_of(path).items():
            values[name], origins[name], files[name] = value, origin, path
    environment = EnvSettingsSource(Settings)()
    values |= environment | options
    origins.update(dict.fromkeys(environment, "environment"))
    origins.update(dict.fromkeys(options, "option"))
    files = {name: path for name, path in files.items() if origins[name] in ("folder", "own file")}
    refused = [
        f"{files[name]}: {PREFIX}{name.upper()} can't be set to {value!r} by a file in the current folder"
        for name, value in values.items()
        if origins[name] == "folder" and not _is_by_a_folder(name, value)
    ]
    if refused:
        raise UsageError(
            "\n".join(refused),
            hint=f"the file may have come with a cloned repository. Set it in the environment, or in "
            f"{user_file(os.environ)}",
        )
    return _validated(values, origins, files)


def _is_by_a_folder(name: str, value: object) -> bool:
    return name in BY_A_FOLDER and (name, value) != ("cache", "read-write")  # which pushes


def _files(own_files: Iterable[Path], folder: Path) -> Iterator[tuple[Path, Origin]]:
    own = [path.absolute() for path in own_files]
    for path in own:
        yield path, "own file"
    if folder.absolute() not in own:
        yield folder, "folder"


def _values_of(path: Path) -> dict[str, str]:
    """Return the settings of a file by name; a `${NAME}` in it is text, since that could be a password.

    Raises:
        UsageError: it can't be read.
    """
    try:
        text = read_file(path, SMALL_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except NotADirectoryError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"{path}: the settings can't be read ({reason})") from error
    found = dotenv_values(stream=io.StringIO(text), interpolate=False)
    names = {f"{PREFIX}{name}".lower(): name for name in Settings.model_fields}
    return {
        names[key.lower()]: value
        for key, value in found.items()
        if value is not None and key.lower() in names
    }


def _validated(values: Mapping[str, Any], origins: dict[str, Origin], files: Mapping[str, Path]) -> Settings:
    """Return the settings with these values.

    Raises:
        UsageError: a setting can't have its value; `files` has the files that set one.
    """
    try:
        settings = Settings(**values)
    except ValidationError as error:
        lines = []
        for one in error.errors():
            name = "_".join(map(str, one["loc"]))
            where = f"{files[name]}: " if name in files else ""
            why = one["msg"].partition(", unable to")[0].replace("Input should", "it should")
            lines.append(f"{where}{PREFIX}{name.upper()}: {one['input']!r} is not valid; {why}")
        raise UsageError("\n".join(lines)) from error
    settings._origins.update(origins)
    for value in settings.model_dump().values():
        if isinstance(value, str | Path):
            keep_url_secrets(str(value))
    return settings
