"""The kinds of step: frozen values, lowered by one `match` per output."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class From:
    """Start from `parent`: `image:variant` of this stack, or `outside:NAME` of bases.lock.toml."""

    parent: str
    default_reference: str
    """The reference that a Dockerfile starts from if its build argument is not set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Add the account `name` with fixed ids and a home folder, without a login."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Apt:
    """Install the Debian packages of the debhouse's list `name`, offline, leaving nothing of apt behind."""

    name: str
    debhouse: str
    """Reference of the debhouse image; the embedded engine uses a folder instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Venv:
    """Make a virtual environment at `path` with the base's own Python `version` (such as `3.11`)."""

    path: str
    version: str
    wheelhouse: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheels:
    """Add the distributions of the wheelhouse's list `name` to the environment at `venv`, offline, by hash.

    Pure: the layer has new files under `venv` only and depends on the wheels and the Python ABI alone.
    An image may have several, so that no layer grows too large, and what changes together is in one layer.
    """

    name: str
    venv: str
    python: str
    wheelhouse: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """Let the loader find the shared libraries in folders of an environment.

    `folders` are absolute shell patterns; the folders that match are written to
    `/etc/ld.so.conf.d/{name}.conf`. It rewrites the loader's cache, so it depends on all layers below.
    """

    name: str
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Copy the tree of the image's own files to the folder `target`: one layer, root-owned. Pure.

    The tree is `STAGED` in the build context, with the names, modes and links that the image gets; so no
    instruction has the name of a user's file.
    """

    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Env:
    """Set environment variables, in this order."""

    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Run what follows, and the image, as `user` (`uid:gid`, numeric)."""

    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdir:
    """Start in `path`, which is made if it is missing."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrypoint:
    """Start `argv` (no shell)."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Set labels of the config, sorted by name."""

    values: tuple[tuple[str, str], ...]


Step = From | Account | Apt | Venv | Wheels | Libraries | Files | Env | User | Workdir | Entrypoint | Label

PURE: tuple[type[Step], ...] = (Wheels, Files)
"""Steps whose layer does not depend on the layers below."""
