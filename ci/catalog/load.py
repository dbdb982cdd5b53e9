"""A stack directory loaded as a whole: every file read once, all errors reported at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path

from ci.catalog import names
from ci.catalog.accounts import account_errors
from ci.catalog.base_python import tag_error
from ci.catalog.document import ExternalBasesDocument, ImageDocument, StackDocument
from ci.catalog.image import Draft, check_packages, drafts, requirements_of
from ci.catalog.image_rules import check_images, check_suite
from ci.catalog.locked import Demand, Locks
from ci.catalog.names import (
    digest_error,
    form_error,
    image_error,
    line_error,
    namespace_error,
    variant_error,
)
from ci.catalog.near_misses import SIMILAR, check_near_misses, misnamed
from ci.catalog.reading import IMAGE, Folder
from ci.catalog.relations import Parents, check_parents, check_pinned, checked, in_order
from ci.catalog.stack import Bootstrap, Builder, DebLine, ExternalBase, LockLine, Stack
from ci.catalog.validation_errors import Suggestion, ValidationErrors
from ci.errors import CatalogError
from ci.names.image_id import ExternalId, is_external

BASES = ("auto", "bootstrap", "registry")
STACK, BASES_LOCK = "stack.toml", "bases.lock.toml"
BOOTSTRAP_LOCK, WHEELHOUSE_APT_LOCK = "bootstrap.lock", "wheelhouse.apt.lock"
WHEELHOUSE, WHEELHOUSE_LOCK = "wheelhouse.in", "wheelhouse.lock"
INCOMPLETE = ("*.toml", "requirements*.in", "*.lock", "Dockerfile*")
"""Files by which a folder without `image.toml` is recognised as an incomplete image."""


def load_stack(directory: Path, locks: Demand = "required") -> Stack:
    """Return the stack in `directory`, checked.

    With optional locks one that is absent or not fresh yields no lines instead of an error.

    Raises:
        CatalogError: there are errors; the message has all of them, each with a hint.
    """
    try:
        return _load(_stack_directory(directory), locks)
    except OSError as error:
        raise CatalogError(
            f"{error.filename}: can't be read ({error.strerror})", hint="give this user the right to read it"
        ) from error


def _load(top: Path, locks: Demand) -> Stack:
    errors = ValidationErrors(top=top.name or str(top))
    own = Folder(top=top, name="", errors=errors)
    reader = Locks(demand=locks)
    document = own.document(StackDocument, STACK)
    variants: list[str] = []
    if document is not None:
        _check_stack(errors, document)
        variants = [] if errors.has(STACK, "variants: ") else document.variants
    external = _external_bases(own)
    found, images = _images(own, reader, variants)
    check_parents(errors, found, images, None if external is None else [base.name for base in external])
    _check_roots(errors, images)
    ordered = checked(errors, in_order(errors, found))
    if document is not None:
        check_suite(errors, STACK, document)
        only_base = document.bootstrap.packages if document.base == "bootstrap" else ()
        check_images(errors, ordered, only_base)
    build_requirements = _builder_lock(own, reader)
    if document is None:
        raise errors.error()
    bootstrap = Bootstrap(
        suite=document.bootstrap.suite,
        packages=tuple(document.bootstrap.packages),
        lock=_apt(own, reader, BOOTSTRAP_LOCK, "bootstrap", document.bootstrap.packages),
    )
    builder = Builder(
        apt=tuple(document.wheelhouse.apt),
        apt_lock=_apt(own, reader, WHEELHOUSE_APT_LOCK, "wheelhouse", document.wheelhouse.apt),
        python_lock=build_requirements,
    )
    parents = {image.parent for image in ordered}
    _check_digests(errors, document.base, external or (), parents)
    _check_tags(errors, document, external or (), parents)
    if errors or external is None:
        raise errors.error()
    return Stack(
        name=document.name,
        namespace=document.namespace,
        python=document.python,
        variants=tuple(document.variants),
        base=document.base,
        licenses=document.licenses,
        user=document.user.name,
        uid=document.user.uid,
        gid=document.user.gid,
        uv=document.wheelhouse.uv,
        external_bases=external,
        bootstrap=bootstrap,
        builder=builder,
        images=ordered,
        epoch=document.epoch,
    )


def _stack_directory(directory: Path) -> Path:
    hint = f"a stack directory has {STACK}, {BASES_LOCK}, {WHEELHOUSE} and a folder with {IMAGE} per image"
    try:
        top = directory.resolve()
    except (RuntimeError, ValueError) as error:  # a link to itself; a NUL
        raise CatalogError(f"{str(directory)!r}: not the name of a directory", hint=hint) from error
    if not top.is_dir():
        what = "not a directory" if top.exists() else "no such directory"
        raise CatalogError(f"{directory}: {what}", hint=hint)
    if not (top / STACK).exists() and not (top / STACK).is_symlink():
        below = sorted(path.parent.name for path in top.glob(f"*/{STACK}"))
        question = f"did you mean '{directory / below[0]}'? A" if below else "a"
        what = f"no {STACK}" if any(top.iterdir()) else "an empty directory"
        raise CatalogError(f"{directory}: {what}", hint=question + hint[1:])
    return top


def _check_stack(errors: ValidationErrors, document: StackDocument) -> None:
    found = [
        ("namespace", namespace_error(document.namespace)),
        ("python", form_error(document.python, names.PYTHON, "a version, such as 3.11")),
        ("user.name", form_error(document.user.name, names.ACCOUNT, "an account's name, such as app")),
        ("bootstrap.suite", form_error(document.bootstrap.suite, names.SUITE, "a suite, such as bookworm")),
        ("wheelhouse.uv", form_error(document.wheelhouse.uv, names.VERSION, "a version, such as 0.13.9")),
    ]
    found += [
        (key, line_error(text)) for key, text in (("name", document.name), ("licenses", document.licenses))
    ]
    found += account_errors(document.user)
    lower: dict[str, str] = {}
    for index, variant in enumerate(document.variants):
        error = variant_error(variant)
        if variant.lower() in lower:
            error = (
                f"duplicate: '{variant}' and '{lower[variant.lower()]}' differ by case at most",
                "rename one",
            )
        lower.setdefault(variant.lower(), variant)
        found.append((f"variants[{index}]", error))
    if document.base not in BASES:
        unknown = f"unknown kind of base '{document.base}'", Suggestion(document.base, BASES)
        found.append(("base", unknown))
    for key, error in found:
        reported = errors.has(STACK, f"{key}: ") or errors.has(STACK, f"{key.split('.')[0]}: ")
        if error is not None and not reported:
            errors.add(STACK, key, *error)
    check_packages(errors, STACK, "bootstrap.packages", document.bootstrap.packages)
    check_packages(errors, STACK, "wheelhouse.apt", document.wheelhouse.apt)


def _external_bases(own: Folder) -> tuple[ExternalBase, ...] | None:
    document = own.document(ExternalBasesDocument, BASES_LOCK)
    if document is None:
        return None
    for name, table in document.root.items():
        found = (
            (
                "reference",
                form_error(table.reference, names.REFERENCE, "one such as docker.io/library/python"),
            ),
            ("tag", form_error(table.tag, names.TAG, "a tag, such as 3.11-slim-bookworm")),
            ("digest", digest_error(table.digest)),
        )
        for key, error in found:
            if error is not None:
                own.errors.add(BASES_LOCK, f"{name}.{key}", *error)
    return tuple(
        ExternalBase(name=name, reference=table.reference, tag=table.tag, digest=table.digest)
        for name, table in sorted(document.root.items())
    )


def _check_digests(
    errors: ValidationErrors, base: str, external: Collection[ExternalBase], parents: Collection[str]
) -> None:
    for image in external:
        if base == "registry" and not image.digest and str(ExternalId(image.name)) in parents:
            errors.add(
                BASES_LOCK,
                f"{image.name}.digest",
                f'absent, but needed: {STACK} has base = "registry"',
                'run `dockwright lock` where that registry can be reached, or set base = "auto"',
            )


def _check_tags(
    errors: ValidationErrors,
    document: StackDocument,
    external: Collection[ExternalBase],
    parents: Collection[str],
) -> None:
    used = [base for base in external if str(ExternalId(base.name)) in parents]
    error = tag_error(document.python, used) if document.base in ("auto", "registry") else None
    if error is not None and not errors.has(STACK, "python: "):
        errors.add(STACK, "python", *error)


def _images(own: Folder, reader: Locks, variants: Collection[str]) -> tuple[dict[str, Draft], Parents]:
    """Return the drafts by `image:variant`, and every image's parents."""
    found: dict[str, Draft] = {}
    images: dict[str, Mapping[str, str] | None] = {}
    lower: dict[str, str] = {}
    for path in sorted(own.path.iterdir(), key=lambda path: path.name):
        if path.name.startswith(".") or not path.is_dir():
            continue
        folder = Folder(top=own.top, name=path.name, errors=own.errors)
        if not folder.has(IMAGE):
            _check_incomplete(folder)
            continue
        error = own.invalid(path) or image_error(path.name)
        if path.name.lower() in lower:
            other = lower[path.name.lower()]
            own.errors.add(path.name, "", f"duplicate: '{other}' differs by case alone", "rename one of them")
        lower.setdefault(path.name.lower(), path.name)
        if error is not None:
            own.errors.add(path.name, "", *error)
        document = folder.document(ImageDocument, IMAGE)
        images[path.name] = document.parent if document is not None else None
        if document is not None:
            for draft in drafts(folder, document, reader, variants):
                found[draft.variant.id] = draft
            check_near_misses(folder, document, [entry.name for entry in path.iterdir()])
    return found, images


def _check_incomplete(folder: Folder) -> None:
    files = [path.name for pattern in INCOMPLETE for path in folder.path.glob(pattern)]
    for path in folder.path.iterdir():
        if get_close_matches(path.name.lower(), [IMAGE], cutoff=SIMILAR):
            folder.errors.add(folder.file(path.name), "", *misnamed(IMAGE))
            return
    if files:
        what = f"has {min(files)}, but no {IMAGE}"
        folder.errors.add(folder.name, "", what, "add it, or move the folder out of the stack")


def _check_roots(errors: ValidationErrors, images: Parents) -> None:
    if not images:
        errors.add("", "", "no image", f"add a folder with an {IMAGE}")
    elif not any(
        parents is None or any(is_external(parent) for parent in parents.values())
        for parents in images.values()
    ):
        example = ExternalId("NAME")
        errors.add("", "", "no root image", f'give one image a parent "{example}" of {BASES_LOCK}')


def _apt(own: Folder, reader: Locks, name: str, key: str, packages: list[str]) -> tuple[DebLine, ...]:
    if own.errors.has(STACK, f"{key}.") or own.errors.has(STACK, f"{key}: "):
        return ()
    return reader.apt(own, name, packages, STACK) or ()


def _builder_lock(own: Folder, reader: Locks) -> tuple[LockLine, ...]:
    requirements = requirements_of(own, WHEELHOUSE)
    lines = reader.python(own, WHEELHOUSE_LOCK, WHEELHOUSE)
    if lines is not None:
        check_pinned(own.errors, WHEELHOUSE_LOCK, WHEELHOUSE, requirements, {line.name for line in lines})
    return lines or ()
