"""uv as the resolver: a project in a temporary folder, one `uv lock`, one `uv export` per group."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from ci.catalog.stack import LockLine
from ci.errors import CommandError, ConflictError, LockError
from ci.locks.child import run
from ci.locks.project import Project, preference_text, project_text, written_names
from ci.locks.resolution import Distribution, Resolution, parse_export, parse_uv_lock
from ci.locks.sdist_file import fetch_sdist
from ci.locks.sdist_metadata import Metadata, read_metadata
from ci.locks.sealed_python import sealed_python
from ci.locks.uv_warnings import about_images, check_extra

Warn = Callable[[str], None]
SdistFetcher = Callable[[str, str], tuple[str, bytes]]
RESOLVING_S = 1800.0
"""Most seconds of one resolution: an index that hardly answers has no end otherwise."""
MOST_SDISTS = 100
"""Most releases whose sdists are read for one lock."""
_BUILT = re.compile(r"Failed to (?:download and )?build `([A-Za-z0-9._-]+)==([A-Za-z0-9.!+_-]+)`")
_PASSED_ON = (
    "UV_CACHE_DIR",
    "UV_CONCURRENT_DOWNLOADS",
    "UV_HTTP_TIMEOUT",
    "UV_NATIVE_TLS",
    "UV_OFFLINE",
    "UV_PYTHON_DOWNLOADS",
    "UV_PYTHON_INSTALL_DIR",
    "UV_SYSTEM_CERTS",
)
"""Settings of uv that define how it works here, and not where packages come from."""


def resolver_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without any index, find-links or configuration of uv and pip.

    A lock made with those would not be valid on another machine. Certificates and proxies stay.
    """
    passed = {
        name: value
        for name, value in environment.items()
        if name in _PASSED_ON or not name.startswith(("UV_", "PIP_", "VIRTUAL_ENV", "PYTHON"))
    }
    return {**passed, "UV_NO_CONFIG": "1", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


def resolve(
    project: Project,
    pins: Mapping[str, LockLine],
    *,
    warn: Warn = lambda _: None,
    program: str = "uv",
    fetch: SdistFetcher = fetch_sdist,
) -> Resolution:
    """Resolve `project` over the default index, keeping the versions of `pins` wherever they fit.

    Warnings of uv go to `warn`, with the images that they are about. No code of a distribution runs: what an
    sdist requires is read from its files, which `fetch` returns by name and version.

    Raises:
        ConflictError: the requirements do not fit together; with the output of uv.
        LockError: uv failed otherwise, or a requirement has an unknown extra.
    """
    environment = resolver_environment(os.environ)
    with TemporaryDirectory(prefix="dockwright-lock-") as name:
        folder = Path(name)
        (folder / "pyproject.toml").write_text(project_text(project))
        if pins:
            (folder / "uv.lock").write_text(preference_text(project, pins))
        base = (program, "--directory", name)
        try:
            warnings: list[str] = []
            python = sealed_python(folder / "python", program, project.python, environment)
            read = _lock((*base, "lock", "--python", python), folder, environment, fetch, warnings)
            distributions = parse_uv_lock((folder / "uv.lock").read_text(), project.name)
            _check_read(read, distributions)
            groups = {}
            for name, written in written_names(project).items():
                text = run((*base, *_export(written), "--python", python), environment)
                groups[name] = parse_export(text, project.python)
        except CommandError as error:
            raise _error(project, error) from error
    resolution = Resolution(distributions=distributions, groups=groups)
    for text in warnings:
        check_extra(project, resolution, text)
        warn(about_images(project, resolution, text))
    return resolution


def _lock(
    argv: tuple[str, ...],
    folder: Path,
    environment: Mapping[str, str],
    fetch: SdistFetcher,
    warnings: list[str],
) -> dict[str, str]:
    """Run `uv lock` until it knows what each sdist requires; return the sha256 of those read, by name.

    uv takes what is said of a release from its settings, and then needs no code of it. Its warnings are added
    to `warnings`.
    """
    settings = folder / "uv.toml"
    given = {name: value for name, value in environment.items() if name != "UV_NO_CONFIG"}
    given["UV_CONFIG_FILE"] = str(settings)  # in place of all others
    read: dict[tuple[str, str], tuple[Metadata, str]] = {}
    while True:
        settings.write_text("".join(metadata.text for metadata, _ in read.values()))
        try:
            run(argv, given, warn=warnings.append, timeout_s=RESOLVING_S)
        except CommandError as error:
            wanted = _BUILT.search(error.tail)
            release = (wanted[1], wanted[2]) if wanted else None
            if release is None or release in read or len(read) == MOST_SDISTS:
                raise
            file, data = fetch(*release)
            read[release] = read_metadata(*release, file, data), hashlib.sha256(data).hexdigest()
        else:
            return {metadata.name: sha256 for metadata, sha256 in read.values()}


def _check_read(read: Mapping[str, str], distributions: Mapping[str, Distribution]) -> None:
    """Compare the sdists that were read with those that are locked: a release has one."""
    for name, sha256 in read.items():
        files = distributions[name].files if name in distributions else ()
        sdists = [file for file in files if not file.name.endswith(".whl")]
        if sdists and all(file.sha256 != sha256 for file in sdists):
            raise LockError(f"{name}: its sdist is another one than a moment ago", hint="run `lock` again")


def _export(group: str) -> tuple[str, ...]:
    return (
        "export",
        "--quiet",
        "--frozen",
        f"--only-group={group}",
        "--format=requirements-txt",
        "--no-hashes",
        "--no-header",
        "--no-annotate",
    )


def _error(project: Project, error: CommandError) -> LockError:
    """Return the error, with the output of uv below its message."""
    if error.status == 127:
        what = "Python locks need uv, which is not on PATH:"
        return LockError(f"{what}\n{error.tail}", hint="`./dockwright` installs it")
    if "No solution found" in error.tail:
        shared = " (with the pins of images that another variant shares)" if project.constraints else ""
        what = f"{project.name}: the requirements of the images do not fit together{shared}; output of uv:"
        return ConflictError(f"{what}\n{error.tail}", hint="loosen one of the requirements that uv names")
    what = f"{project.name}: uv could not resolve the requirements of the images; its output:"
    return LockError(f"{what}\n{error.tail}")
