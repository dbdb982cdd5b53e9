"""Checks of an image's file system, without starting anything. Standard library only."""

import grp
import os
import pwd
import re
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

Finding = tuple[str, str]
"""(status, detail)."""

VENV = Path("/opt/venv")
PROGRAMS = ("/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/bin", "/sbin")
DPKG = Path("/var/lib/dpkg/status")
SECRETS = re.compile(
    r"id_(rsa|dsa|ecdsa|ed25519)|\.netrc|\.pypirc|\.env|\.git-credentials|\.pgpass|\.dockerconfigjson"
)
KEYS = (".pem", ".key")
SECRET_ROOTS = ("/home", "/root", "/opt", "/app", "/srv", "/etc/dockwright")
CACHES = (
    "/root/.cache/*",
    "/home/*/.cache/*",
    "/var/lib/apt/lists/*_*",
    "/var/cache/apt/*.bin",
    "/var/cache/apt/archives/*.deb",
    "/var/cache/ldconfig/aux-cache",
    "/opt/venv/.lock",
    "/opt/venv/lib/python*/site-packages/*.dist-info/uv_cache.json",
)
CLOSED = ("/root",)
"""Folders that these checks are about and that the image's user may not be able to read."""
SHOWN = 10


def site_packages() -> Path:
    """Return the folder of the virtual environment's distributions."""
    return Path(sysconfig.get_path("purelib"))


def some(items: Iterable[object]) -> str:
    """Return the first items of a list as text, and the number of the others."""
    texts = [str(item) for item in items]
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more


def first_lines(errors: Sequence[str]) -> list[str]:
    """Return the first errors, and a line with the number of the others."""
    more = [f"and {len(errors) - SHOWN} more"] if len(errors) > SHOWN else []
    return [*errors[:SHOWN], *more]


def verdict(error: str, found: str = "") -> Finding:
    """Return failed with `error`, or passed with what was `found` if `error` is empty."""
    return ("failed", error) if error else ("passed", found)


def user(request: dict[str, Any]) -> Finding:
    """The user is the stack's, has its name and is not in root's group."""
    uid, gid, groups = os.getuid(), os.getgid(), set(os.getgroups())
    found = f"uid {uid}, gid {gid}"
    if (uid, gid) != (request["uid"], request["gid"]):
        return "failed", f"{found}, not uid {request['uid']}, gid {request['gid']}"
    try:
        names = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
    except KeyError as error:
        return "failed", f"{found}: {error.args[0]}"
    if names[0] != request["user"]:
        return "failed", f"{found} is {names[0]!r}, not {request['user']!r}"
    return verdict(f"{found} is in root's group" if 0 in groups else "", f"{found}, {':'.join(names)}")


def python(request: dict[str, Any]) -> Finding:
    """The virtual environment's Python has the version of the stack."""
    version = ".".join(map(str, sys.version_info[:3]))
    error = f"is of {sys.prefix}, not of {VENV}" if sys.prefix != str(VENV) else ""
    if not f"{version}.".startswith(f"{request['python']}."):
        error = f"is {version}, not {request['python']}"
    return verdict(error, version)


def writable_tmp(_: dict[str, Any]) -> Finding:
    """The user can write to /tmp, where programs put temporary files."""
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        file.write(b"x" * 4096)
        file.flush()
    return "passed", ""


def compilers(request: dict[str, Any]) -> Finding:
    """No compiler is in the folders of programs, and no installer in the virtual environment."""
    tool, installer = (re.compile(request[name]) for name in ("compilers", "installers"))
    environment = _entries([str(VENV / "bin")])
    found = [path for path in _entries(_own(PROGRAMS)) + environment if tool.fullmatch(path.name)]
    found += [path for path in environment if installer.fullmatch(path.name)]
    return verdict(f"found: {some(found)}" if found else "")


def _entries(folders: Iterable[str]) -> list[Path]:
    return [path for folder in folders if Path(folder).is_dir() for path in sorted(Path(folder).iterdir())]


def development(_: dict[str, Any]) -> Finding:
    """No Debian -dev package is installed."""
    if not DPKG.exists():
        return "skipped", f"no {DPKG}"
    found = []
    for stanza in DPKG.read_text(errors="replace").split("\n\n"):
        name = re.search(r"^Package: (\S+-dev)$", stanza, re.MULTILINE)
        if name and re.search(r"^Status: .* installed$", stanza, re.MULTILINE):
            found.append(name[1])
    return verdict(f"installed: {some(found)}" if found else "")


def caches(_: dict[str, Any]) -> Finding:
    """No caches of apt, pip or uv are left in folders that this user can read."""
    found = [path for pattern in CACHES if not _closed(pattern) for path in Path("/").glob(pattern[1:])]
    return verdict(f"left: {some(sorted(found))}" if found else "")


def secrets(_: dict[str, Any]) -> Finding:
    """No file looks like a credential, except files of public wheels."""
    files = _suspicious()[0]
    found = [path for path in files if _is_secret(path) and not shipped(path)]
    return verdict(f"found: {some(sorted(found))}" if found else "")


@cache
def _suspicious() -> tuple[list[Path], list[str]]:
    """Return the files with names of secrets, and the folders that could not be read."""
    closed: list[str] = []
    files = [
        Path(folder, name)
        for root in SECRET_ROOTS
        for folder, _folders, names in os.walk(root, onerror=lambda error: closed.append(error.filename))
        for name in names
        if SECRETS.fullmatch(name) or name.endswith(KEYS)
    ]
    return files, [folder for folder in closed if Path(folder).is_dir()]


def _is_secret(path: Path) -> bool:
    return path.suffix not in KEYS or _has_key(path)


def _has_key(path: Path) -> bool:
    try:
        return path.is_file() and b"PRIVATE KEY" in path.read_bytes()
    except PermissionError:
        return True


def shipped(path: Path) -> bool:
    """Return whether an installed wheel lists `path` among its files."""
    site = next((folder for folder in path.parents if folder.name == "site-packages"), None)
    if site is None:
        return False
    line = f"{path.relative_to(site).as_posix()},"
    return any(
        entry.startswith(line)
        for record in site.glob("*.dist-info/RECORD")
        for entry in record.read_text(errors="replace").splitlines()
    )


def closed(_: dict[str, Any]) -> Finding:
    """Report folders that this user can't read, since they may contain caches and secrets."""
    found = sorted({*(folder for folder in CLOSED if _closed(folder)), *_suspicious()[1]})
    if found:
        return "skipped", f"not readable for uid {os.getuid()}: {some(found)}"
    return "passed", ""


def _closed(path: str) -> bool:
    return any(
        path.startswith(folder) and Path(folder).is_dir() and not os.access(folder, os.R_OK | os.X_OK)
        for folder in CLOSED
    )


def libraries(request: dict[str, Any], loaded: Iterable[str]) -> Finding:
    """Every object under /opt, every program, and all libraries that they load, find their libraries.

    Plugins of Debian packages may miss libraries of packages that are only suggested; these are reported. An
    entry of `unresolved_allowed` is the name of a library, or, with a slash, a pattern of objects below
    site-packages.
    """
    from .closure import (
        closure,
        loader,
        objects_under,
    )  # imported only where it is used: it is compiled each time

    loaded, allowed, find = set(loaded), set(request["unresolved_allowed"]), loader(dict(os.environ))
    optional = [f"*/site-packages/{pattern}" for pattern in allowed if "/" in pattern]
    ours = set(objects_under(_own(("/opt", *PROGRAMS))))
    result = closure(ours, find, allowed=allowed, loaded=loaded)
    others = set(objects_under(_own(("/usr", "/lib")))) - ours
    result.missing = [
        one for one in result.missing if not any(fnmatch(one.needed_by, pattern) for pattern in optional)
    ]
    plugins = closure(others, find, allowed=allowed, loaded=loaded)
    if result.missing or result.damaged or plugins.damaged:
        lines = [
            f"{one.library}{f' ({one.version})' if one.version else ''} is needed by {one.needed_by}"
            for one in result.missing
        ]
        return "failed", "\n".join(["unresolved:", *sorted(lines), *result.damaged, *plugins.damaged])
    found = f"{result.objects} objects, and {plugins.objects} of the base and Debian's packages"
    missing = some(f"{one.library} of {one.needed_by}" for one in plugins.missing)
    return "passed", f"{found}; missing, for optional plugins: {missing}" if missing else found


def _own(folders: Iterable[str]) -> list[str]:
    """Return the folders that are not links to others (/lib is /usr/lib)."""
    return [folder for folder in folders if not Path(folder).is_symlink()]
