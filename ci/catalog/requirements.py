"""Requirement files: which one a variant reads, the name of its lock, and its requirements."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from ci.catalog.lockfile import normalised_name

SHARED = "requirements.in"

LONGEST_LINE = 4096
_COMMENT = re.compile(r"(?:^|\s)#.*")
_INPUT = re.compile(r"requirements\.(.+)\.in")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementFiles:
    """The files of one variant in its image's folder: the requirements, and their lock."""

    input: str
    lock: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """The requirements of a file.

    `lines` are the requirements as `requirement_text` writes them, in the order of the file. `always` and
    `conditional` (those with a marker) are normalised names, sorted; each of `errors` is a line number,
    counted from 1, what is wrong there, and a hint.
    """

    lines: tuple[str, ...]
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
    lines: list[str] = []
    always: set[str] = set()
    conditional: set[str] = set()
    errors: list[tuple[int, str, str]] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        row = _COMMENT.sub("", raw).strip()
        if not row:
            continue
        found = _requirement(row)
        if isinstance(found, Requirement):
            lines.append(requirement_text(found))
            (conditional if found.marker else always).add(normalised_name(found.name))
        else:
            errors.append((number, *found))
    return Requirements(
        lines=tuple(lines),
        always=tuple(sorted(always)),
        conditional=tuple(sorted(conditional - always)),
        errors=tuple(errors),
    )


def requirement_text(requirement: Requirement) -> str:
    """Return a requirement as one line that every reader of PEP 508 takes.

    Source: PEP 508; a text in a marker has single quotes where it contains a double one.
    """
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras}{requirement.specifier}{marker}"


def _requirement(row: str) -> Requirement | tuple[str, str]:
    """Return the requirement of a line, or what is wrong and a hint. A lock has files of an index alone."""
    if len(row) > LONGEST_LINE:
        what = f"{row[:40]!r} …: a line of {len(row)} characters is not a requirement"
        return what, "write a requirement per line"
    if row.startswith("-"):
        return f"{row!r} is an option", "list requirements only"
    if row.endswith("\\"):
        return f"{row!r} ends with a backslash", "write each requirement on one line"
    try:
        found = Requirement(row)
    except (InvalidRequirement, RecursionError):
        return f"{row!r} is not a requirement", "write NAME, NAME==VERSION or a version range"
    if found.url is not None:
        return f"{row!r} is not a requirement of an index", "write NAME, NAME==VERSION or a version range"
    return found
