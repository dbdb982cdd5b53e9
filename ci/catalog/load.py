"""A stack directory loaded whole: every file read once, all mistakes reported at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from ci.catalog import names
from ci.catalog.document import ExternalBasesDocument, ImageDocument, StackDocument
from ci.catalog.image import Draft, drafts, note_packages, requirements_of
from ci.catalog.locked import Demand, Locks
from ci.catalog.names import digest_error, form_error, image_error, namespace_error, variant_error
from ci.catalog.reading import IMAGE, Folder
from ci.catalog.relations import Parents, checked, in_order, note_parents, note_unpinned
from ci.catalog.stack import Bootstrap, Builder, DebLine, ExternalBase, LockLine, Stack
from ci.catalog.validation_errors import ValidationErrors, suggestion
from ci.errors import CatalogError
from ci.names.image_id import ExternalId, is_external

BASES = ("auto", "bootstrap", "registry")
STACK, OUTSIDE_LOCK = "stack.toml", "bases.lock.toml"
BOOTSTRAP_LOCK, WHEELHOUSE_APT_LOCK = "bootstrap.lock", "wheelhouse.apt.lock"
WHEELHOUSE, WHEELHOUSE_LOCK = "wheelhouse.in", "wheelhouse.lock"
STRAY = ("*.toml", "requirements*.in", "*.lock", "Dockerfile*")
"""What a folder without `image.toml` holds if it was meant to be an image."""


def load_stack(directory: Path, locks: Demand = "required") -> Stack:
    """Return the stack in `directory`, checked.

    With optional locks one that is absent or does not hold yields no lines instead of a mistake.

    Raises:
        CatalogError: there are mistakes; the message holds all of them, one a line.
    """
    try:
        return _load(_stack_directory(directory), locks)
    except OSError as error:
        raise CatalogError(
            f"{error.filename}: can't be read ({error.strerror}); correct its rights"
        ) from error


def _load(top: Path, locks: Demand) -> Stack:
    mistakes = ValidationErrors(top=top.name or str(top))
    own = Folder(top=top, name="", mistakes=mistakes)
    reader = Locks(demand=locks)
    document = own.document(StackDocument, STACK)
    variants: list[str] = []
    if document is not None:
        _check_stack(mistakes, document)
        variants = [] if mistakes.noted(STACK, "variants: ") else document.variants
    outside = _outside(own)
    found, images = _images(own, reader, variants)
    note_parents(mistakes, found, images, None if outside is None else [base.name for base in outside])
    _check_roots(mistakes, images)
    ordered = checked(mistakes, in_order(mistakes, found))
    build_requirements = _builder_lock(own, reader)
    if document is None:
        raise mistakes.error()
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
    _check_digests(mistakes, document.base, outside or (), {image.parent for image in ordered})
    if mistakes or outside is None:
        raise mistakes.error()
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
        outside=outside,
        bootstrap=bootstrap,
        builder=builder,
        images=ordered,
        epoch=document.epoch,
    )


def _stack_directory(directory: Path) -> Path:
    holds = (
        f"a stack directory holds {STACK}, {OUTSIDE_LOCK}, {WHEELHOUSE} and a folder with {IMAGE} per image"
    )
    top = directory.resolve()
    if not top.is_dir():
        what = "not a directory" if top.exists() else "no such directory"
        raise CatalogError(f"{directory}: {what}; {holds}")
    if not (top / STACK).exists() and not (top / STACK).is_symlink():
        below = sorted(path.parent.name for path in top.glob(f"*/{STACK}"))
        meant = f"; did you mean '{directory / below[0]}'?" if below else ""
        what = f"no {STACK}" if any(top.iterdir()) else "an empty directory"
        raise CatalogError(f"{directory}: {what}{meant}; {holds}")
    return top


def _check_stack(mistakes: ValidationErrors, document: StackDocument) -> None:
    faults = [
        ("namespace", namespace_error(document.namespace)),
        ("python", form_error(document.python, names.PYTHON, "3.11")),
        ("user.name", form_error(document.user.name, names.ACCOUNT, "an account's name, such as app")),
        ("bootstrap.suite", form_error(document.bootstrap.suite, names.SUITE, "a suite, such as bookworm")),
        ("wheelhouse.uv", form_error(document.wheelhouse.uv, names.VERSION, "a version, such as 0.13.9")),
    ]
    lower: dict[str, str] = {}
    for index, variant in enumerate(document.variants):
        fault = variant_error(variant)
        if variant.lower() in lower:
            fault = (
                f"duplicate: '{variant}' and '{lower[variant.lower()]}' differ by case at most; rename one"
            )
        lower.setdefault(variant.lower(), variant)
        faults.append((f"variants[{index}]", fault))
    if document.base not in BASES:
        faults.append(("base", f"unknown kind of base '{document.base}'; {suggestion(document.base, BASES)}"))
    for key, fault in faults:
        shapeless = mistakes.noted(STACK, f"{key}: ") or mistakes.noted(STACK, f"{key.split('.')[0]}: ")
        if fault and not shapeless:
            mistakes.add(STACK, key, fault)
    note_packages(mistakes, STACK, "bootstrap.packages", document.bootstrap.packages)
    note_packages(mistakes, STACK, "wheelhouse.apt", document.wheelhouse.apt)


def _outside(own: Folder) -> tuple[ExternalBase, ...] | None:
    document = own.document(ExternalBasesDocument, OUTSIDE_LOCK)
    if document is None:
        return None
    for name, table in document.root.items():
        faults = (
            ("reference", form_error(table.reference, names.REFERENCE, "docker.io/library/python")),
            ("tag", form_error(table.tag, names.TAG, "a tag, such as 3.11-slim-bookworm")),
            ("digest", digest_error(table.digest)),
        )
        for key, fault in faults:
            if fault:
                own.mistakes.add(OUTSIDE_LOCK, f"{name}.{key}", fault)
    return tuple(
        ExternalBase(name=name, reference=table.reference, tag=table.tag, digest=table.digest)
        for name, table in sorted(document.root.items())
    )


def _check_digests(
    mistakes: ValidationErrors, base: str, outside: Collection[ExternalBase], parents: Collection[str]
) -> None:
    for image in outside:
        if base == "registry" and not image.digest and str(ExternalId(image.name)) in parents:
            mistakes.add(
                OUTSIDE_LOCK,
                f"{image.name}.digest",
                f'absent, and used: {STACK} says base = "registry"; run `dockwright lock` where that registry'
                ' is in reach, or set base = "auto"',
            )


def _images(own: Folder, reader: Locks, variants: Collection[str]) -> tuple[dict[str, Draft], Parents]:
    """Return the drafts by `image:variant`, and every image's parents."""
    found: dict[str, Draft] = {}
    images: dict[str, Mapping[str, str] | None] = {}
    lower: dict[str, str] = {}
    for path in sorted(own.path.iterdir(), key=lambda path: path.name):
        if path.name.startswith(".") or not path.is_dir():
            continue
        folder = Folder(top=own.top, name=path.name, mistakes=own.mistakes)
        if not folder.has(IMAGE):
            _note_stray(folder)
            continue
        fault = own.fault(path) or image_error(path.name)
        if path.name.lower() in lower:
            other = lower[path.name.lower()]
            own.mistakes.add(path.name, "", f"duplicate: '{other}' differs by case alone; rename one of them")
        lower.setdefault(path.name.lower(), path.name)
        if fault:
            own.mistakes.add(path.name, "", fault)
        document = folder.document(ImageDocument, IMAGE)
        images[path.name] = document.parent if document is not None else None
        if document is not None:
            for draft in drafts(folder, document, reader, variants):
                found[draft.variant.id] = draft
    return found, images


def _note_stray(folder: Folder) -> None:
    stray = [path.name for pattern in STRAY for path in folder.path.glob(pattern)]
    if stray:
        what = f"no {IMAGE} beside {min(stray)}; add it, or move the folder out of the stack"
        folder.mistakes.add(folder.name, "", what)


def _check_roots(mistakes: ValidationErrors, images: Parents) -> None:
    if not images:
        mistakes.add("", "", f"no image; add a folder with an {IMAGE}")
    elif not any(
        parents is None or any(is_external(parent) for parent in parents.values())
        for parents in images.values()
    ):
        example = ExternalId("NAME")
        mistakes.add("", "", f'no root image; give one image a parent "{example}" of {OUTSIDE_LOCK}')


def _apt(own: Folder, reader: Locks, name: str, key: str, packages: list[str]) -> tuple[DebLine, ...]:
    if own.mistakes.noted(STACK, f"{key}.") or own.mistakes.noted(STACK, f"{key}: "):
        return ()
    return reader.apt(own, name, packages, STACK) or ()


def _builder_lock(own: Folder, reader: Locks) -> tuple[LockLine, ...]:
    asked = requirements_of(own, WHEELHOUSE)
    lines = reader.python(own, WHEELHOUSE_LOCK, WHEELHOUSE)
    if lines is not None:
        note_unpinned(own.mistakes, WHEELHOUSE_LOCK, WHEELHOUSE, asked, {line.name for line in lines})
    return lines or ()
