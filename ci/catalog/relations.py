"""Errors between the images of a stack: missing parents, cycles, deltas that do more than add."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from posixpath import normpath

from ci.catalog.image import APT_LOCK, Draft
from ci.catalog.locked import LOCK
from ci.catalog.reading import IMAGE
from ci.catalog.requirements import Requirements
from ci.catalog.stack import ImageVariant
from ci.catalog.validation_errors import Invalid, Suggestion, ValidationErrors, close_match
from ci.names.image_id import ExternalId, ImageId
from ci.steps.layout import APP

Parents = Mapping[str, Mapping[str, str] | None]
"""The parents in the data of each image: text by variant; None where the data can't be read."""


def check_parents(
    errors: ValidationErrors,
    found: Mapping[str, Draft],
    images: Parents,
    external: Collection[str] | None,
) -> None:
    """Add an error for each parent that does not exist.

    `external` are the names of bases.lock.toml, None if that can't be read.
    """
    for draft in found.values():
        error: Invalid | None = None
        match draft.variant.parent_id:
            case ExternalId(name):
                if external is not None and name not in external:
                    error = f"bases.lock.toml has no '{name}'", Suggestion(name, external)
            case ImageId(image) if image not in images:
                error = f"no image '{image}'", Suggestion(image, images)
            case ImageId(image, variant):
                variants = images[image]
                if variants is not None and variant not in variants:
                    error = (
                        f"image '{image}' has no variant '{variant}', only {', '.join(variants)}",
                        f"give it that variant in {image}/{IMAGE}, or choose another parent",
                    )
        if error is not None:
            errors.add(_file(draft), f"parent.{draft.variant.variant}", *error)


def in_order(errors: ValidationErrors, found: Mapping[str, Draft]) -> list[Draft]:
    """Return the drafts, parents before children, without those of a cycle and above it.

    Children of one parent are sorted by name, then variant. A cycle is one error, at its first member.
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
            what = f"cyclic: {' -> '.join([*path, id_])}"
            hint = "give one of them another parent"
            errors.add(_file(found[id_]), f"parent.{found[id_].variant.variant}", what, hint)
    return ordered


def checked(errors: ValidationErrors, ordered: list[Draft]) -> tuple[ImageVariant, ...]:
    """Compare every draft with its ancestors, and return the finished image variants in the same order."""
    by_id = {draft.variant.id: draft for draft in ordered}
    return tuple(_checked(errors, draft, by_id) for draft in ordered)


def check_pinned(
    errors: ValidationErrors, lock: str, file: str, requirements: Requirements, pinned: Collection[str]
) -> None:
    """Add an error for each of the `requirements` of `file` that neither `lock` nor one below it pins."""
    for name in requirements.always:
        if name not in pinned:
            errors.add(lock, name, f"required by {file}, but no lock pins it", LOCK)


def _checked(errors: ValidationErrors, draft: Draft, by_id: Mapping[str, Draft]) -> ImageVariant:
    line: list[Draft] = []
    at = draft
    while at.variant.parent in by_id:
        at = by_id[at.variant.parent]
        line.append(at)
    complete = at.variant.is_root
    _check_python(errors, draft, line)
    _check_apt(errors, draft, line)
    _check_targets(errors, draft, line)
    if complete and all(member.whole for member in (draft, *line)):
        _check_entrypoint(errors, draft, line)
    if draft.requirements is None or draft.files is None:
        return draft.variant
    pinned = {locked.name for member in (draft, *line) for locked in member.variant.python_lock}
    if draft.locked and complete and all(member.locked or member.files is None for member in line):
        lock = f"{draft.variant.folder}/{draft.files.lock}"
        check_pinned(errors, lock, draft.files.input, draft.requirements, pinned)
    required = {*draft.requirements.always, *(set(draft.requirements.conditional) & pinned)}
    return replace(draft.variant, requirements=tuple(sorted(required)))


def _check_python(errors: ValidationErrors, draft: Draft, line: list[Draft]) -> None:
    for locked in draft.variant.python_lock:
        for member in line:
            for other in member.variant.python_lock:
                if other.name == locked.name and draft.files and member.files:
                    errors.add(
                        f"{draft.variant.folder}/{draft.files.lock}",
                        locked.name,
                        f"{member.variant.folder}/{member.files.lock} already pins"
                        f" {other.version}, and a delta only adds to its parent",
                        LOCK,
                    )


def _check_apt(errors: ValidationErrors, draft: Draft, line: list[Draft]) -> None:
    for locked in draft.variant.apt_lock:
        for member in line:
            for other in member.variant.apt_lock:
                if other.name == locked.name:
                    errors.add(
                        f"{draft.variant.folder}/{APT_LOCK}",
                        locked.name,
                        f"{member.variant.folder}/{APT_LOCK} already pins {other.version},"
                        " and a delta only adds to its parent",
                        LOCK,
                    )


def _check_targets(errors: ValidationErrors, draft: Draft, line: list[Draft]) -> None:
    given = {file.target: member for member in line for file in member.variant.files}
    for file in draft.variant.files:
        if file.target in given:
            other = given[file.target].variant
            errors.add(
                _file(draft),
                "files",
                f"the parent {other.id} ({other.folder}/{IMAGE}) already has the target {file.target}, and a"
                " layer only adds to those below",
                "choose another target",
            )


def _check_entrypoint(errors: ValidationErrors, draft: Draft, line: list[Draft]) -> None:
    files = {file.target: file for member in (draft, *line) for file in member.variant.files}
    for index, word in enumerate(draft.variant.entrypoint):
        path = normpath(word)
        if path != APP and not path.startswith(f"{APP}/"):
            continue
        if path not in files and not any(target.startswith(f"{path}/") for target in files):
            close = close_match(path, files)
            question = f"did you mean '{close}'? " if close else ""
            errors.add(
                _file(draft),
                f"entrypoint[{index}]",
                f"no [[files]] of this image or of a parent has the target {path}",
                f"{question}Add it to [[files]]" if close else "add it to [[files]]",
            )
        elif index == 0 and (file := files.get(path)) and not file.link and not int(file.mode, 8) & 0o001:
            what = f"{path} has the mode {file.mode} and can't be started"
            errors.add(_file(draft), "entrypoint[0]", what, "give it the mode 0755 in [[files]]")


def _file(draft: Draft) -> str:
    return f"{draft.variant.folder}/{IMAGE}"
