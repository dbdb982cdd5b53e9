"""The credentials for a registry, from the environment and from the files of other tools."""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ci.redaction import keep_login_secret

Purpose = Literal["REGISTRY", "RELEASE"]
"""What credentials are for, a cache or releases: `DOCKWRIGHT_<PURPOSE>_USER` and `…_PASSWORD`."""
HELPER_LIMIT_S = 30.0
BROKEN = (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""The errors of a file, or of a helper's answer, that has no valid form."""
HUB = "https://index.docker.io/v1/"
"""The name of Docker Hub's entry in a file of credentials."""


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


def find_credentials(host: str, environ: Mapping[str, str], home: Path, *purposes: Purpose) -> Found:
    """Return the credentials for the registry `host`; the first of: environment, files, their helpers.

    In the environment they have a purpose and no host: the caller names the purposes of `host`.

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
            credentials = _of_file(path, host)
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


def _of_file(path: Path, host: str) -> Credentials | None:
    value: dict[str, Any] = json.loads(path.read_text())
    names = (host, f"https://{host}", f"https://{host}/v1/", *((HUB,) if host == "docker.io" else ()))
    auths = value.get("auths") or {}
    for name in names:
        encoded = (auths.get(name) or {}).get("auth")
        if encoded:
            user, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
            return Credentials(user, secret, str(path))
    helpers = value.get("credHelpers") or {}
    for name in names:
        helper = helpers.get(name) or (value.get("credsStore") if name in auths else None)
        if helper:
            return _of_helper(str(helper), name, path)
    return None


def _of_helper(helper: str, name: str, path: Path) -> Credentials | None:
    program = f"docker-credential-{helper}"
    done = subprocess.run(
        (program, "get"), input=name, capture_output=True, text=True, timeout=HELPER_LIMIT_S, check=False
    )
    if done.returncode != 0:
        if "credentials not found" in done.stdout:
            return None
        raise ValueError(f"{program} ended with {done.returncode}")
    value = json.loads(done.stdout)
    return Credentials(value["Username"], value["Secret"], f"{program}, named in {path}")


def _why(error: Exception) -> str:
    """Return the error as text, without any content of the file, which has secrets."""
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON (line {error.lineno})"
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
