"""How the images of a stack stand to each other: parents that exist, no cycle, deltas that only add."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from difflib import get_close_matches
from posixpath import normpath

from ci.catalog.image import APT_LOCK, Draft
from ci.catalog.reading import IMAGE
from ci.catalog.requirements import Requirements
from ci.catalog.stack import ImageVariant
from ci.catalog.validation_errors import ValidationErrors, suggestion
from ci.names.image_id import ExternalId, ImageId
from ci.steps.layout import APP

Parents = Mapping[str, Mapping[str, str] | None]
"""By image what its data say of parents: text by variant; None where the data can't be read."""


def note_parents(
    mistakes: ValidationErrors,
    found: Mapping[str, Draft],
    images: Parents,
    outside: Collection[str] | None,
) -> None:
    """Note parents that do not exist.

    `outside` are the names of bases.lock.toml, None if that can't be read.
    """
    for draft in found.values():
        what = ""
        match draft.variant.parent_id:
            case ExternalId(name):
                if outside is not None and name not in outside:
                    what = f"bases.lock.toml has no '{name}'; {suggestion(name, outside)}"
            case ImageId(image) if image not in images:
                what = f"no image '{image}'; {suggestion(image, images)}"
            case ImageId(image, variant):
                variants = images[image]
                if variants is not None and variant not in variants:
                    what = (
                        f"image '{image}' has no variant '{variant}', only {', '.join(variants)};"
                        f" give it that variant in {image}/{IMAGE}, or choose another parent"
                    )
        if what:
            mistakes.add(_file(draft), f"parent.{draft.variant.variant}", what)


def in_order(mistakes: ValidationErrors, found: Mapping[str, Draft]) -> list[Draft]:
    """Return the drafts, parents before children, without those that hang in a cycle.

    Below one parent they stand by name, then variant. A cycle is noted once, at its first member by name.
    """
    children: dict[str, list[str]] = {}
    for id_ in sorted(found, key=lambda id_: (found[id_].variant.image, found[id_].variant.variant)):
        children.setdefault(found[id_].variant.parent, []).append(id_)
    waiting = [id_ for id_ in found if found[id_].variant.parent not in found]
    waiting.sort(reverse=True)
    ordered: list[Draft] = []
    while waiting:
        id_ = waiting.pop()
        ordered.append(found[id_])
        waiting.extend(reversed(children.get(id_, [])))
    reached = {draft.variant.id for draft in ordered}
    for id_ in sorted(set(found) - reached):
        path = [id_]
        while (parent := found[path[-1]].variant.parent) not in path:
            path.append(parent)
        if parent == id_ and id_ == min(path):
            what = f"cyclic: {' -> '.join([*path, id_])}; let one of them start from another image"
            mistakes.add(_file(found[id_]), f"parent.{found[id_].variant.variant}", what)
    return ordered


def checked(mistakes: ValidationErrors, ordered: list[Draft]) -> tuple[ImageVariant, ...]:
    """Hold every draft against its ancestors and return the finished image variants, in the same order."""
    by_id = {draft.variant.id: draft for draft in ordered}
    return tuple(_checked(mistakes, draft, by_id) for draft in ordered)


def note_unpinned(
    mistakes: ValidationErrors, lock: str, asked_by: str, requirements: Requirements, pinned: Collection[str]
) -> None:
    """Note the distributions that are asked for and that neither `lock` nor one below it pins."""
    for name in requirements.always:
        if name not in pinned:
            what = f"asked for by {asked_by}, and no lock pins it; run `dockwright lock`"
            mistakes.add(lock, name, what)


def _checked(mistakes: ValidationErrors, draft: Draft, by_id: Mapping[str, Draft]) -> ImageVariant:
    line: list[Draft] = []
    at = draft
    while at.variant.parent in by_id:
        at = by_id[at.variant.parent]
        line.append(at)
    complete = at.variant.is_root
    _check_python(mistakes, draft, line)
    _check_apt(mistakes, draft, line)
    _check_targets(mistakes, draft, line)
    if complete and all(member.whole for member in (draft, *line)):
        _check_entrypoint(mistakes, draft, line)
    if draft.requirements is None or draft.files is None:
        return draft.variant
    pinned = {locked.name for member in (draft, *line) for locked in member.variant.python_lock}
    if draft.locked and complete and all(member.locked or member.files is None for member in line):
        lock = f"{draft.variant.folder}/{draft.files.lock}"
        note_unpinned(mistakes, lock, draft.files.input, draft.requirements, pinned)
    asked = {*draft.requirements.always, *(set(draft.requirements.conditional) & pinned)}
    return replace(draft.variant, requirements=tuple(sorted(asked)))


def _check_python(mistakes: ValidationErrors, draft: Draft, line: list[Draft]) -> None:
    for locked in draft.variant.python_lock:
        for member in line:
            for other in member.variant.python_lock:
                if other.name == locked.name and draft.files and member.files:
                    mistakes.add(
                        f"{draft.variant.folder}/{draft.files.lock}",
                        locked.name,
                        f"pinned again: {member.variant.folder}/{member.files.lock} pins {other.version}, and"
                        " a delta only adds to its parent; run `dockwright lock`",
                    )


def _check_apt(mistakes: ValidationErrors, draft: Draft, line: list[Draft]) -> None:
    for locked in draft.variant.apt_lock:
        for member in line:
            for other in member.variant.apt_lock:
                if other.name == locked.name:
                    mistakes.add(
                        f"{draft.variant.folder}/{APT_LOCK}",
                        locked.name,
                        f"pinned again: {member.variant.folder}/{APT_LOCK} pins {other.version}, and a delta"
                        " only adds to its parent; run `dockwright lock`",
                    )


def _check_targets(mistakes: ValidationErrors, draft: Draft, line: list[Draft]) -> None:
    given = {file.target: member for member in line for file in member.variant.files}
    for file in draft.variant.files:
        if file.target in given:
            other = given[file.target].variant
            mistakes.add(
                _file(draft),
                "files",
                f"{file.target} is already given by the parent {other.id} ({other.folder}/{IMAGE}), and a"
                " layer only adds to those below; choose another target",
            )


def _check_entrypoint(mistakes: ValidationErrors, draft: Draft, line: list[Draft]) -> None:
    files = {file.target: file for member in (draft, *line) for file in member.variant.files}
    for index, word in enumerate(draft.variant.entrypoint):
        path = normpath(word)
        if path != APP and not path.startswith(f"{APP}/"):
            continue
        if path not in files and not any(target.startswith(f"{path}/") for target in files):
            close = get_close_matches(path, files, n=1)
            question = f"did you mean '{close[0]}'? " if close else ""
            mistakes.add(
                _file(draft),
                f"entrypoint[{index}]",
                f"no [[files]] of this image or of a parent gives {path}; {question}Add it to [[files]]",
            )
        elif index == 0 and (file := files.get(path)) and not file.link and not int(file.mode, 8) & 0o001:
            what = f"{path} has the mode {file.mode} and can't be started; give it 0755 in [[files]]"
            mistakes.add(_file(draft), "entrypoint[0]", what)


def _file(draft: Draft) -> str:
    return f"{draft.variant.folder}/{IMAGE}"
