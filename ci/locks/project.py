"""A variant as a Python project: one dependency group an image, each including its parent's group.

One resolution of such a project gives every image of the variant the same version of a distribution.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ci.catalog.stack import LockLine
from ci.names.image_id import parse_image_id

INDEX = "https://pypi.org/simple"
"""The one index that locks come from; a lock that names it is valid on every machine."""
ENVIRONMENT = "implementation_name == 'cpython' and platform_machine == 'x86_64' and sys_platform == 'linux'"


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


def project_text(project: Project) -> str:
    """Return `project` as the text of a pyproject.toml."""
    rows = [
        "[project]",
        f"name = {json.dumps(project.name)}",
        'version = "0"',
        f"requires-python = {json.dumps(f'=={project.python}.*')}",
        "",
        "[tool.uv]",
        "package = false",
        f"environments = [{json.dumps(ENVIRONMENT)}]",
        f"constraint-dependencies = {_array(f'{name}=={version}' for name, version in project.constraints)}",
        "",
        "[dependency-groups]",
    ]
    for group in project.groups:
        parent = [f"{{ include-group = {json.dumps(group.parent)} }}"] if group.parent else []
        rows.append(f"{json.dumps(group.name)} = {_array(group.requirements, parent)}")
    return "\n".join([*rows, ""])


def preference_text(project: Project, pins: Mapping[str, LockLine]) -> str:
    """Return an earlier uv.lock of `project` that holds `pins` and nothing else.

    uv resolves again, because such a lock does not fit the project, and keeps the versions that it finds
    there wherever they still fit.
    """
    rows = [
        "version = 1",
        f"requires-python = {json.dumps(f'=={project.python}.*')}",
        f"resolution-markers = [{json.dumps(ENVIRONMENT)}]",
        f"supported-markers = [{json.dumps(ENVIRONMENT)}]",
    ]
    for name in sorted(pins):
        rows += [
            "",
            "[[package]]",
            f"name = {json.dumps(name)}",
            f"version = {json.dumps(pins[name].version)}",
            f"source = {{ registry = {json.dumps(INDEX)} }}",
        ]
    return "\n".join([*rows, ""])


def requirement_lines(text: str) -> tuple[str, ...]:
    """Return the requirements of a requirement file, without comments and empty lines."""
    rows = (f" {row}".split(" #", 1)[0].strip() for row in text.replace("\t", " ").splitlines())
    return tuple(row for row in rows if row)


def _array(texts: Iterable[str], first: Sequence[str] = ()) -> str:
    items = [*first, *(json.dumps(text) for text in texts)]
    return f"[{', '.join(items)}]"
