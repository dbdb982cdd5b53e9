"""A variant as a Python project: one dependency group an image, each including its parent's group.

One resolution of such a project gives every image of the variant the same version of a distribution.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ci.catalog.lockfile import normalised_name
from ci.catalog.stack import LockLine
from ci.names.image_id import parse_image_id

INDEX = "https://pypi.org/simple"
"""The one index that locks come from; a lock that names it is valid on every machine."""
MARKERS = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}
"""All that a marker can ask about an image but versions."""
ENVIRONMENT = " and ".join(f"{variable} == {value!r}" for variable, value in MARKERS.items())
"""The same as a marker, so that nothing is resolved for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The requirements of one image; `parent` is another group's name, or empty."""

    name: str
    parent: str
    requirements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What is resolved at once; `constraints` are pins (name to version) that have to be kept."""

    name: str
    python: str
    groups: tuple[Group, ...]
    constraints: tuple[tuple[str, str], ...] = ()


def group_name(image_variant: str) -> str:
    """Return the name of the group of `image:variant`; it is part of uv's messages."""
    id_ = parse_image_id(image_variant)
    return f"{id_.image}-in-{id_.variant}"


def image_of(group: str) -> str:
    """Return the `image:variant` of a group's name."""
    image, _, variant = group.rpartition("-in-")
    return f"{image}:{variant}" if image else group


def written_names(project: Project) -> dict[str, str]:
    """Return the name of each group in the text of `project`, by its own name.

    Names of images and variants may be equal in the one spelling that uv compares, or end with another sign.

    Source: Python packaging specifications "Dependency groups" and "Names and normalization".
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for group in project.groups:
        plain = name = group.name.rstrip("-._")
        number = 1
        while normalised_name(name) in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(normalised_name(name))
        found[group.name] = name
    return found


def project_text(project: Project) -> str:
    """Return `project` as the text of a pyproject.toml."""
    names = written_names(project)
    rows = [
        "[project]",
        f"name = {quoted(_project_name(project.name))}",
        'version = "0"',
        f"requires-python = {quoted(f'=={project.python}.*')}",
        "",
        "[tool.uv]",
        "package = false",
        f"environments = [{quoted(ENVIRONMENT)}]",
        f"constraint-dependencies = {array(f'{name}=={version}' for name, version in project.constraints)}",
        "",
        "[dependency-groups]",
    ]
    for group in project.groups:
        parent = [f"{{ include-group = {quoted(names[group.parent])} }}"] if group.parent else []
        rows.append(f"{quoted(names[group.name])} = {array(group.requirements, parent)}")
    return "\n".join([*rows, ""])


def preference_text(project: Project, pins: Mapping[str, LockLine]) -> str:
    """Return an earlier uv.lock of `project` that holds `pins` and nothing else.

    uv resolves again, because such a lock does not fit the project, and keeps the versions that it finds
    there wherever they still fit.
    """
    rows = [
        "version = 1",
        f"requires-python = {quoted(f'=={project.python}.*')}",
        f"resolution-markers = [{quoted(ENVIRONMENT)}]",
        f"supported-markers = [{quoted(ENVIRONMENT)}]",
    ]
    for name in sorted(pins):
        rows += [
            "",
            "[[package]]",
            f"name = {quoted(name)}",
            f"version = {quoted(pins[name].version)}",
            f"source = {{ registry = {quoted(INDEX)} }}",
        ]
    return "\n".join([*rows, ""])


def _project_name(text: str) -> str:
    """Return `text` as the name of a Python project: the name of a stack may be any text.

    Source: Python Packaging User Guide, Names and normalization.
    """
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "stack"


def array(texts: Iterable[str], first: Sequence[str] = ()) -> str:
    """Return `texts` as an array of TOML; `first` are values that it starts with, in TOML already."""
    items = [*first, *map(quoted, texts)]
    return f"[{', '.join(items)}]"


def quoted(text: str) -> str:
    """Return `text` as a basic string of TOML.

    Source: TOML 1.0.0: an escape names a code point, never half of a pair, and DEL must be escaped.
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
