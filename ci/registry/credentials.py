"""The credentials for a registry, from the environment and from the files of other tools."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from ci.bounded.file import read_file
from ci.bounded.parse import MalformedError, parse_object
from ci.names.host import HUB
from ci.redaction import keep_login_secret

Purpose = Literal["REGISTRY", "RELEASE"]
"""What credentials are for, a cache or releases: `DOCKWRIGHT_<PURPOSE>_USER` and `…_PASSWORD`."""
HELPER_LIMIT_S = 30.0
BROKEN = (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""The errors of a file, or of a helper's answer, that has no valid form."""
LARGEST_BYTES = 1 << 20
HUB_NAMES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
"""How the entry of Docker Hub may be named, besides as an address."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a secret, which no text of this value shows. `source` names where they were found."""

    user: str
    secret: str = field(repr=False)
    source: str = field(compare=False, default="")

    def __post_init__(self) -> None:
        keep_login_secret(self.user, self.secret)

    def basic(self) -> str:
        """Return the value of a header `Authorization`. Source: RFC 7617."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Found:
    """`credentials`, if any were found; `errors` has a sentence for each file that could not be read."""

    credentials: Credentials | None
    errors: tuple[str, ...] = ()


def find_credentials(place: str, environ: Mapping[str, str], home: Path, *purposes: Purpose) -> Found:
    """Return the credentials for a registry; the first of: environment, files, their helpers.

    `place` is its HOST[:PORT], or HOST[:PORT]/NAMESPACE. In the environment credentials have a purpose and no
    host: the caller names the purposes of `place`. In a file the entry that names most of `place` counts.

    Source: containers-auth.json(5) for the files and their order; docker-credential-helpers for the protocol.
    """
    for purpose in purposes:
        user, password = f"DOCKWRIGHT_{purpose}_USER", f"DOCKWRIGHT_{purpose}_PASSWORD"
        if environ.get(user) and environ.get(password):
            return Found(Credentials(environ[user], environ[password], f"{user} and {password}"))
    errors = []
    for path in credential_files(environ, home):
        if not path.is_file():
            continue
        try:
            credentials = _of_file(path, place)
        except (*BROKEN, subprocess.SubprocessError) as error:
            errors.append(f"{path}: {_why(error)}")
            continue
        if credentials is not None:
            return Found(credentials, tuple(errors))
    return Found(None, tuple(errors))


def credential_files(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Yield the paths of files of credentials, the most specific first."""
    if environ.get("REGISTRY_AUTH_FILE"):
        yield Path(environ["REGISTRY_AUTH_FILE"])
    if environ.get("XDG_RUNTIME_DIR"):
        yield Path(environ["XDG_RUNTIME_DIR"], "containers/auth.json")
    yield home / ".config/containers/auth.json"
    yield Path(environ.get("DOCKER_CONFIG") or home / ".docker", "config.json")


def _of_file(path: Path, place: str) -> Credentials | None:
    value = parse_object(read_file(path, LARGEST_BYTES))
    auths, helpers = (_entries(value, name) for name in ("auths", "credHelpers"))
    for name in _names(place):
        for key in sorted(auths, key=lambda one: one != name):  # the plain form of a name before others
            encoded = _auth(auths[key]) if _normal(key) == name else None
            if encoded:
                user, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
                return Credentials(user, secret, str(path))
    for name in _names(place):
        named = [key for key in auths if _normal(key) == name]
        helper = next((one for key, one in helpers.items() if _normal(key) == name), None)
        helper = helper or (value.get("credsStore") if named else None)
        if isinstance(helper, str) and helper:
            return _of_helper(helper, named[0] if named else name, path)
    return None


def _entries(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name) or {}
    if not isinstance(found, dict):
        raise MalformedError(f"`{name}` is no object")
    return found


def _auth(entry: Any) -> str | None:
    if not isinstance(entry, dict | None):
        raise MalformedError("an entry is no object")
    encoded = (entry or {}).get("auth")
    if not isinstance(encoded, str | None):
        raise MalformedError("an `auth` is no text")
    return encoded


def _names(place: str) -> Iterator[str]:
    """Yield what may name a registry's namespace in a file, the most specific first, the host last."""
    parts = PurePosixPath(place).parts
    for count in range(len(parts), 0, -1):
        yield "/".join(parts[:count])


def _normal(key: str) -> str:
    """Return the key of an entry as a host, or a host and a namespace.

    Docker's own keys may be URLs, and Docker Hub has several names.

    Source: containers-auth.json(5), and how containers/image reads the keys of Docker's file.
    """
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    if bare != key:
        bare = re.sub("/v[12]$", "", bare)
    return HUB if bare in HUB_NAMES else bare


def _of_helper(helper: str, name: str, path: Path) -> Credentials | None:
    program = f"docker-credential-{helper}"
    done = subprocess.run(
        (program, "get"), input=name, capture_output=True, text=True, timeout=HELPER_LIMIT_S, check=False
    )
    if done.returncode != 0:
        if "credentials not found" in done.stdout:
            return None
        raise ValueError(f"{program} ended with {done.returncode}")
    value = parse_object(done.stdout)
    user, secret = value["Username"], value["Secret"]
    if not isinstance(user, str) or not isinstance(secret, str):
        raise MalformedError("an answer that has no texts")
    return Credentials(user, secret, f"{program}, named in {path}")


def _why(error: Exception) -> str:
    """Return the error as text, without any content of the file, which has secrets."""
    if isinstance(error, MalformedError):
        return (
            f"not valid JSON ({error.where})"
            if error.where.startswith("line ")
            else "not a file of credentials"
        )
    if isinstance(error, binascii.Error | UnicodeDecodeError):
        return "an `auth` that is not the base64 of USER:SECRET"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"a credential helper gave no answer for {HELPER_LIMIT_S:.0f} s"
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is not on the PATH"
    if isinstance(error, OSError):
        return str(error.strerror)
    return str(error) if str(error).startswith("docker-credential-") else "not a file of credentials"


def write_authfile(path: Path, host: str, credentials: Credentials | None) -> str:
    """Write the credentials for `host` to `path` and return that path; empty where there are none.

    Source: containers-auth.json(5).
    """
    if credentials is None:
        return ""
    encoded = credentials.basic().removeprefix("Basic ")
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump({"auths": {host: {"auth": encoded}}}, stream)
    part.replace(path)
    return str(path)
