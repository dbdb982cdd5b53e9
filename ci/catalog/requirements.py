"""Requirement files: which one a variant reads, the name of its lock, and its requirements."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ci.catalog.lockfile import normalised_name

SHARED = "requirements.in"

# A name, extras, versions and a marker (PEP 508 without direct references: a lock has files of an index).
_VERSION = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9][A-Za-z0-9.*+!_-]*"
_VERSIONS = rf"{_VERSION}(?:\s*,\s*{_VERSION})*"
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*"
    r"(?:\[[A-Za-z0-9._,\s-]*\])?\s*"
    rf"(?:{_VERSIONS}|\(\s*{_VERSIONS}\s*\))?\s*(?P<marker>;.+)?"
)
_INPUT = re.compile(r"requirements\.(.+)\.in")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementFiles:
    """The files of one variant in its image's folder: the requirements, and their lock."""

    input: str
    lock: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """The requirements of a file.

    `always` and `conditional` (those with a marker) are normalised names, sorted; each of `errors` is
    a line number, counted from 1, what is wrong there, and a hint.
    """

    always: tuple[str, ...]
    conditional: tuple[str, ...]
    errors: tuple[tuple[int, str, str], ...]


def requirement_files(
    image: str, parents: Mapping[str, str], present: Collection[str]
) -> dict[str, RequirementFiles]:
    """Return the requirement files of every variant of `image` that adds Python packages.

    `parents` is the parent (`image:variant`) by variant, `present` the names of the folder's files. A
    variant on top of another one of its own image adds packages only by an input of its own. The lock of
    a shared input is `requirements.lock` where one variant alone reads it, else there is one per variant.
    """
    inputs = {}
    for variant, parent in parents.items():
        own = f"requirements.{variant}.in"
        if own in present:
            inputs[variant] = own
        elif SHARED in present and not parent.startswith(f"{image}:"):
            inputs[variant] = SHARED
    alone = sum(name == SHARED for name in inputs.values()) == 1
    return {
        variant: RequirementFiles(
            input=name,
            lock="requirements.lock" if alone and name == SHARED else f"requirements.{variant}.lock",
        )
        for variant, name in inputs.items()
    }


def variant_of_input(name: str) -> str | None:
    """Return the variant in `requirements.VARIANT.in`; None for another file name."""
    match = _INPUT.fullmatch(name)
    return match[1] if match else None


def parse_requirements(text: str) -> Requirements:
    """Read a requirement file; it never raises, every line that can't be read is one of `errors`."""
    always: set[str] = set()
    conditional: set[str] = set()
    errors: list[tuple[int, str, str]] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        row = re.sub(r"(^|\s)#.*", "", raw).strip()
        if not row:
            continue
        match = _REQUIREMENT.fullmatch(row)
        if match:
            (conditional if match["marker"] else always).add(normalised_name(match["name"]))
        elif row.startswith("-"):
            errors.append((number, f"{row!r} is an option", "list requirements only"))
        else:
            errors.append(
                (number, f"{row!r} is not a requirement", "write NAME, NAME==VERSION or a version range")
            )
    return Requirements(
        always=tuple(sorted(always)),
        conditional=tuple(sorted(conditional - always)),
        errors=tuple(errors),
    )
