"""What uv warns of when it resolves: which images it is about, and which warning is an error."""

from __future__ import annotations

import re
from email.parser import HeaderParser

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ci.catalog.validation_errors import suggestion
from ci.errors import LockError
from ci.locks.project import Project, image_of
from ci.locks.resolution import Distribution, Resolution
from ci.wheelhouse.program.client import Client, RetryPolicy
from ci.wheelhouse.program.failure import FetchingError

_NAMED = re.compile(r"`(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==[^`]*`")
_EXTRA = re.compile(r"The package `(?P<name>[^`=]+)==[^`]*` does not have an extra named `(?P<extra>[^`]+)`")
STALL_S = 10.0
"""How long a silent index is waited for: what it says is only for a message."""


def about_images(project: Project, resolution: Resolution, text: str) -> str:
    """Return a warning of uv with the images that bring what it names."""
    found = _NAMED.search(text)
    name = canonicalize_name(found["name"]) if found else ""
    images = [
        image_of(group.name)
        for group in project.groups
        if name in resolution.groups[group.name] - resolution.groups.get(group.parent, frozenset())
    ]
    return f"{', '.join(images) or project.name}: {text}"


def check_extra(project: Project, resolution: Resolution, text: str) -> None:
    """Refuse the warning of an unknown extra that a requirement of an image has.

    Raises:
        LockError: it is one. An extra that another distribution asks for is none.
    """
    found = _EXTRA.search(text)
    if found is None:
        return
    name, extra = canonicalize_name(found["name"]), canonicalize_name(found["extra"])
    images = [
        image_of(group.name)
        for group in project.groups
        if any(_has(line, name, extra) for line in group.requirements)
    ]
    if not images:
        return
    distribution = resolution.distributions.get(name)
    known = extras_of(distribution) if distribution is not None else ()
    version = f" {distribution.version}" if distribution is not None else ""
    raise LockError(
        f"{', '.join(images)}: {name}[{found['extra']}]: {name}{version} has no extra '{found['extra']}'",
        hint=suggestion(extra, known) if known else f"write {name} without it",
    )


def _has(line: str, name: str, extra: str) -> bool:
    requirement = Requirement(line)
    extras = {canonicalize_name(one) for one in requirement.extras}
    return canonicalize_name(requirement.name) == name and extra in extras


def extras_of(distribution: Distribution) -> tuple[str, ...]:
    """Return the extras of a distribution, as the index says; none where it does not.

    Source: PEP 658: the metadata of a wheel lie beside it.
    """
    wheel = next((file for file in distribution.files if file.name.endswith(".whl")), None)
    if wheel is None:
        return ()
    client = Client(lambda _line: None, retry=RetryPolicy(stall_s=STALL_S, tries=1))
    try:
        data, _ = client.body(f"{wheel.url}.metadata", {}, wheel.name)
    except FetchingError:
        return ()
    return extras_in(data.decode(errors="replace"))


def extras_in(metadata: str) -> tuple[str, ...]:
    """Return the extras that the METADATA of a wheel names."""
    return tuple(HeaderParser().parsestr(metadata).get_all("Provides-Extra") or ())
