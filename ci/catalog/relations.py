"""Errors between the images of a stack: missing parents, cycles, deltas that do more than add."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from posixpath import normpath

from ci.catalog.ancestors import Ancestors
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
    """Compare every draft with its ancestors, and return the finished image variants in the same order.

    `ordered` is the order of `in_order`, in which the descendants of a draft follow it without a gap.
    """
    below = Ancestors()
    found = []
    for draft in ordered:
        below.leave_until(draft.variant.parent)
        found.append(_checked(errors, draft, below))
        below.enter(draft)
    return tuple(found)


def check_pinned(
    errors: ValidationErrors, lock: str, file: str, requirements: Requirements, pinned: Collection[str]
) -> None:
    """Add an error for each of the `requirements` of `file` that neither `lock` nor one below it pins."""
    for name in requirements.always:
        if name not in pinned:
            errors.add(lock, name, f"required by {file}, but no lock pins it", LOCK)


def _checked(errors: ValidationErrors, draft: Draft, below: Ancestors) -> ImageVariant:
    complete = below.line[0].variant.is_root if below.line else draft.variant.is_root
    _check_pins(errors, draft, below)
    _check_targets(errors, draft, below)
    if complete and draft.whole and not below.incomplete:
        _check_entrypoint(errors, draft, below)
    if draft.requirements is None or draft.files is None:
        return draft.variant
    own = {locked.name for locked in draft.variant.python_lock}
    names = (*draft.requirements.always, *draft.requirements.conditional)
    pinned = own | {name for name in names if below.python.get(name)}
    if draft.locked and complete and not below.unlocked:
        lock = f"{draft.variant.folder}/{draft.files.lock}"
        check_pinned(errors, lock, draft.files.input, draft.requirements, pinned)
    required = {*draft.requirements.always, *(set(draft.requirements.conditional) & pinned)}
    return replace(draft.variant, requirements=tuple(sorted(required)))


def _check_pins(errors: ValidationErrors, draft: Draft, below: Ancestors) -> None:
    for locked in draft.variant.python_lock:
        for member, version in below.python.get(locked.name, ()):
            if draft.files and member.files:
                lock, other = draft.files.lock, f"{member.variant.folder}/{member.files.lock}"
                _add_pinned(errors, draft, lock, locked.name, f"{other} already pins {version}")
    for deb in draft.variant.apt_lock:
        for member, version in below.apt.get(deb.name, ()):
            other = f"{member.variant.folder}/{APT_LOCK}"
            _add_pinned(errors, draft, APT_LOCK, deb.name, f"{other} already pins {version}")


def _add_pinned(errors: ValidationErrors, draft: Draft, lock: str, name: str, what: str) -> None:
    errors.add(f"{draft.variant.folder}/{lock}", name, f"{what}, and a delta only adds to its parent", LOCK)


def _check_targets(errors: ValidationErrors, draft: Draft, below: Ancestors) -> None:
    for file in draft.variant.files:
        for target in (file.target, *map(str, PurePosixPath(file.target).parents)):
            given = below.files.get(target)
            if given:
                other = given[0][0].variant
                what = f"already has the target {target}"
                what += "" if target == file.target else f", so that {file.target} can't be below it"
                errors.add(
                    _file(draft),
                    "files",
                    f"the parent {other.id} ({other.folder}/{IMAGE}) {what}, and a layer only adds to those"
                    " below",
                    "choose another target",
                )
        if not file.is_folder and below.folders[file.target]:
            what = f"a parent has the folder {file.target}, and a layer only adds to those below"
            errors.add(_file(draft), "files", what, "choose another target")


def _check_entrypoint(errors: ValidationErrors, draft: Draft, below: Ancestors) -> None:
    own = {file.target: file for file in draft.variant.files if not file.is_folder}
    folders = {
        path
        for file in draft.variant.files
        for path in (file.target if file.is_folder else "", *map(str, PurePosixPath(file.target).parents))
    }
    for index, word in enumerate(draft.variant.entrypoint):
        path = normpath(word)
        if path != APP and not path.startswith(f"{APP}/"):
            continue
        inherited = below.files.get(path)
        file = inherited[0][1] if inherited else own.get(path)
        if file is None and path not in folders and not below.folders[path]:
            close = close_match(path, (*own, *(target for target, given in below.files.items() if given)))
            question = f"did you mean '{close}'? " if close else ""
            errors.add(
                _file(draft),
                f"entrypoint[{index}]",
                f"no [[files]] of this image or of a parent has the target {path}",
                f"{question}Add it to [[files]]" if close else "add it to [[files]]",
            )
        elif index == 0 and file and not file.link and not int(file.mode, 8) & 0o001:
            what = f"{path} has the mode {file.mode} and can't be started"
            errors.add(_file(draft), "entrypoint[0]", what, "give it the mode 0755 in [[files]]")


def _file(draft: Draft) -> str:
    return f"{draft.variant.folder}/{IMAGE}"
