"""One image's folder as its variants: everything that can be checked without other images."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ci.catalog.document import BudgetTable, ImageDocument, SmokeTable, VariantTable
from ci.catalog.files import SMOKE, context_files, smoke_inputs
from ci.catalog.locked import Locks
from ci.catalog.lockfile import normalised_name
from ci.catalog.names import (
    FOLDER,
    arguments_error,
    form_error,
    line_error,
    literal,
    package_error,
    variable_error,
)
from ci.catalog.reading import IMAGE, Folder
from ci.catalog.requirements import (
    RequirementFiles,
    Requirements,
    parse_requirements,
    requirement_files,
    variant_of_input,
)
from ci.catalog.stack import Budget, ContextFile, ImageVariant, LockLine, Model, Smoke
from ci.catalog.validation_errors import Invalid, Suggestion, ValidationErrors

APT_LOCK = "apt.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An image variant before it is compared with its ancestors.

    `requirements` and `files` are None where it adds no Python packages; `locked`: its Python lock is
    fresh; `whole`: its files have no error.
    """

    variant: ImageVariant
    files: RequirementFiles | None
    requirements: Requirements | None
    locked: bool
    whole: bool


def resolved_parent(text: str, variant: str) -> str:
    """Return a parent as `image:variant` or `outside:NAME`; an image alone means the same variant."""
    return text if ":" in text else f"{text}:{variant}"


def drafts(
    folder: Folder, document: ImageDocument, locks: Locks, known: Collection[str]
) -> tuple[Draft, ...]:
    """Return the variants of the image in `folder`; `known` are the stack's variants, empty if unreadable."""
    _check_variants(folder, document, known)
    variants = [variant for variant in document.parent if variant in known or not known]
    parents = {variant: resolved_parent(document.parent[variant], variant) for variant in variants}
    present = {path.name for path in folder.path.iterdir()}
    inputs = requirement_files(folder.name, parents, present)
    requests = {name: requirements_of(folder, name) for name in {wanted.input for wanted in inputs.values()}}
    _check_inputs(folder, document, present)
    _check_values(folder, document)
    file = folder.file(IMAGE)
    found = context_files(folder, document.files)
    for_checks = smoke_inputs(folder)
    _check_runs(folder, document.smoke.runs, for_checks)
    apt_lock = None
    if document.apt:
        check_packages(folder.errors, file, "apt", document.apt)
        if not folder.errors.has(file, "apt"):
            apt_lock = locks.apt(folder, APT_LOCK, document.apt, IMAGE)

    result = []
    for variant, parent in parents.items():
        wanted = inputs.get(variant)
        lines = locks.python(folder, wanted.lock, wanted.input) if wanted else None
        shared = not parent.startswith(f"{folder.name}:")
        table = document.variant.get(variant, VariantTable())
        own = table.env
        made = ImageVariant(
            image=folder.name,
            variant=variant,
            folder=folder.name,
            parent=parent,
            title=document.title,
            description=document.description,
            apt=tuple(document.apt) if shared else (),
            apt_lock=apt_lock or () if shared else (),
            python_lock=lines or (),
            env=tuple(
                (name, literal(value)) for name, value in ({**document.env, **own} if shared else own).items()
            ),
            files=found.files if shared else (),
            left_out=found.left_out if shared else (),
            entrypoint=tuple(document.entrypoint) if shared else (),
            smoke=_smoke(document.smoke, table, for_checks),
            layers=_layers(folder, variant, table, lines),
            libraries=tuple(table.libraries),
            budget=_budget(document.budget, variant),
            models=tuple(
                Model(path=model.path, description=model.description, license=model.license)
                for model in document.models
            ),
        )
        result.append(
            Draft(
                variant=made,
                files=wanted,
                requirements=requests[wanted.input] if wanted else None,
                locked=lines is not None,
                whole=found.whole and not folder.errors.has(file, "files"),
            )
        )
    return tuple(result)


def check_packages(errors: ValidationErrors, file: str, key: str, packages: Sequence[str]) -> None:
    """Add the errors of a list of Debian packages."""
    seen: set[str] = set()
    for index, package in enumerate(packages):
        error = package_error(package)
        if error is None and package in seen:
            error = f"duplicate: '{package}' is listed twice", "remove one"
        seen.add(package)
        if error is not None:
            errors.add(file, f"{key}[{index}]", *error)


def requirements_of(folder: Folder, name: str) -> Requirements:
    """Return the requirements in the file `name`; lines that can't be read are errors."""
    found = parse_requirements(folder.text(name) or "")
    for number, what, hint in found.errors:
        folder.errors.add(folder.file(name), f"line {number}", what, hint)
    return found


def _check_runs(folder: Folder, runs: Sequence[Sequence[str]], inputs: Collection[ContextFile]) -> None:
    """Add an error for each argument of a run that names a missing file of smoke/."""
    present = {f"{SMOKE}/{file.target}" for file in inputs}
    for index, argv in enumerate(runs):
        for word in argv:
            faulty = folder.errors.has(folder.file(word), "")
            if word.startswith(f"{SMOKE}/") and word not in present and not faulty:
                what = f"{folder.name}/{word}: no such file"
                hint = Suggestion(word, present)
                folder.errors.add(folder.file(IMAGE), f"smoke.runs[{index}]", what, hint)


def _smoke(table: SmokeTable, of_variant: VariantTable, inputs: tuple[ContextFile, ...]) -> Smoke:
    return Smoke(
        imports=tuple((normalised_name(name), module) for name, module in table.imports.items()),
        help=table.help,
        start=table.start,
        import_entrypoint=table.import_entrypoint,
        commands=tuple(tuple(command) for command in table.commands),
        runs=tuple(tuple(argv) for argv in table.runs),
        inputs=inputs,
        unresolved=(*table.unresolved, *of_variant.unresolved),
        generated=tuple(table.generated),
    )


def _budget(table: BudgetTable, variant: str) -> Budget:
    return Budget(**{name: limits.get(variant) for name, limits in table})


def _layers(
    folder: Folder, variant: str, table: VariantTable, lines: Collection[LockLine] | None
) -> tuple[tuple[str, ...], ...]:
    """Return the layers of wheels of the lock; a name that it lacks or that is twice is an error."""
    locked = {line.name for line in lines or ()}
    seen: set[str] = set()
    layers = []
    for index, names in enumerate(table.layers):
        layer = []
        for name in map(normalised_name, names):
            error: Invalid | None = None
            if name in seen:
                error = f"duplicate: '{name}' is already in a layer", "remove one"
            elif lines is not None and name not in locked:
                error = f"this variant does not add '{name}'", Suggestion(name, locked)
            if error is not None:
                folder.errors.add(folder.file(IMAGE), f"variant.{variant}.layers[{index}]", *error)
            elif name in locked:
                layer.append(name)
            seen.add(name)
        if layer:
            layers.append(tuple(layer))
    return tuple(layers)


def _check_variants(folder: Folder, document: ImageDocument, known: Collection[str]) -> None:
    file, add = folder.file(IMAGE), folder.errors.add
    if not document.parent and not folder.errors.has(file, "parent: "):
        add(file, "parent", "no variant", 'give at least one variant its parent, such as cpu = "base:cpu"')
    for variant in document.parent:
        if known and variant not in known:
            add(file, f"parent.{variant}", f"unknown variant '{variant}'", Suggestion(variant, known))
    if not document.parent:
        return
    limits = [(f"budget.{name}", table) for name, table in document.budget]
    tables: list[tuple[str, Mapping[str, object]]] = [("variant", document.variant), *limits]
    for key, table in tables:
        for variant in table:
            if variant not in document.parent:
                what = f"this image has no variant '{variant}'"
                add(file, f"{key}.{variant}", what, Suggestion(variant, document.parent))


def _check_values(folder: Folder, document: ImageDocument) -> None:
    for key, text in (("title", document.title), ("description", document.description)):
        error = line_error(text)
        if error is not None:
            folder.errors.add(folder.file(IMAGE), key, *error)
    programs = [("entrypoint", document.entrypoint)]
    programs += [(f"smoke.commands[{index}]", argv) for index, argv in enumerate(document.smoke.commands)]
    programs += [(f"smoke.runs[{index}]", argv) for index, argv in enumerate(document.smoke.runs)]
    programs += [(f"variant.{name}.libraries", own.libraries) for name, own in document.variant.items()]
    for key, argv in programs:
        error = arguments_error(argv)
        if error is not None:
            folder.errors.add(folder.file(IMAGE), key, *error)
    tables = [("env", document.env)]
    tables += [(f"variant.{name}.env", table.env) for name, table in document.variant.items()]
    for name, own in document.variant.items():
        for index, path in enumerate(own.libraries):
            error = form_error(path, FOLDER, "a folder, such as nvidia/*/lib")
            if error is not None:
                folder.errors.add(folder.file(IMAGE), f"variant.{name}.libraries[{index}]", *error)
    for key, table in tables:
        for name, value in table.items():
            error = variable_error(name, value)
            if error is not None:
                folder.errors.add(folder.file(IMAGE), f"{key}.{name}", *error)


def _check_inputs(folder: Folder, document: ImageDocument, present: Collection[str]) -> None:
    for name in present:
        variant = variant_of_input(name)
        if variant is not None and document.parent and variant not in document.parent:
            what = f"this image has no variant '{variant}'"
            folder.errors.add(folder.file(name), "", what, Suggestion(variant, document.parent))
