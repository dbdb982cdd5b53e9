"""Python locks of a whole stack: one resolution a variant, and the delta of every image over its parent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.tags import Tag

from ci.catalog.stack import ImageVariant, LockLine, Stack
from ci.errors import ConflictError
from ci.locks.choice import choose_file, supported_tags
from ci.locks.project import Group, Project, group_name
from ci.locks.request import PythonRequest
from ci.locks.resolution import Distribution, Resolution

Resolver = Callable[[Project, Mapping[str, LockLine]], Resolution]
"""Resolves a project, keeping the given pins wherever they fit."""
Lines = tuple[LockLine, ...]


def python_deltas(
    stack: Stack,
    requests: Sequence[PythonRequest],
    variants: Collection[str],
    movable: Callable[[str], bool],
    resolve: Resolver,
) -> dict[str, Lines]:
    """Return the lines of the locks of `variants` and of the builder, by the lock's path.

    A pin that is `movable` by its name is forgotten, every other one kept where it fits. The strictest
    variant comes first: the one whose images are based on images of another, where they get their pins.
    Where what it decides for a shared image does not fit another variant, the shared images are resolved
    for all variants at once, and if that is not possible, another variant comes first.
    An image of a variant that is not locked now keeps its lock, if that is fresh.

    Raises:
        ConflictError: a variant does not resolve, two variants can't share an image, or a distribution has no
            file for this stack's Python.
        LockError: a variant can't be resolved for another reason, such as an index that does not answer.
    """
    by_id = {request.id: request for request in requests}
    deltas = _Deltas(stack=stack, by_id=by_id, movable=movable, resolve=resolve)
    order = _strictest_first(stack, variants)
    try:
        found, decided = deltas.of(order, {})
    except ConflictError as error:
        found, decided = _in_another_way(deltas, order, error)
    builder = by_id[""]
    found[builder.lock] = _builder(stack, builder, decided, movable, resolve)
    return found


def _in_another_way(
    deltas: _Deltas, order: Sequence[str], error: ConflictError
) -> tuple[dict[str, Lines], dict[str, Lines]]:
    """Return the deltas where what the first variant decides for shared images does not fit the others.

    Raises:
        ConflictError: `error`, where there is no other way.
    """
    if len(order) > 1 and _shared(deltas.stack, order):
        try:
            return deltas.of(order, deltas.pins_of_all(order))
        except ConflictError:
            pass
        for first in order[1:]:
            try:
                return deltas.of([first, *(variant for variant in order if variant != first)], {})
            except ConflictError:
                continue
    raise error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deltas:
    """One attempt after another to resolve the variants of a stack, each from the same requests."""

    stack: Stack
    by_id: Mapping[str, PythonRequest]
    movable: Callable[[str], bool]
    resolve: Resolver

    def of(
        self, order: Sequence[str], preferred: Mapping[str, LockLine]
    ) -> tuple[dict[str, Lines], dict[str, Lines]]:
        """Return the lines by lock and by image, the variants resolved in this order.

        `preferred` are pins to try instead of those of the present locks.
        """
        by_id, tags = self.by_id, supported_tags(self.stack.python)
        decided = {
            image.id: by_id[image.id].old
            for image in self.stack.images
            if image.variant not in order and image.id in by_id and by_id[image.id].fresh
        }
        found: dict[str, Lines] = {}
        for variant in order:
            members = _members(self.stack, variant)
            pins = {**self._pins(members), **preferred}
            fixed = {line.name: line for image in members for line in decided.get(image.id, ())}
            project = _project(self.stack, variant, members, by_id, fixed)
            resolution = self.resolve(project, {**pins, **fixed})
            for image in members:
                lines = _lines(resolution, _own_names(resolution, image), {**pins, **fixed}, tags)
                if image.id in decided:
                    _compare(image, variant, decided[image.id], lines)
                else:
                    decided[image.id] = lines
                    if image.id in by_id:
                        found[by_id[image.id].lock] = lines
        return found, decided

    def pins_of_all(self, variants: Sequence[str]) -> dict[str, LockLine]:
        """Return the pins of the images that `variants` share, resolved with all images of all of them."""
        ids = {image.id for variant in variants for image in _members(self.stack, variant)}
        members = self.stack.closure(ids)
        pins = self._pins(members)
        project = _project(self.stack, "all", members, self.by_id, {})
        resolution = self.resolve(project, pins)
        names = {name for image in _shared(self.stack, variants) for name in _own_names(resolution, image)}
        lines = _lines(resolution, names, pins, supported_tags(self.stack.python))
        return {line.name: line for line in lines}

    def _pins(self, members: Iterable[ImageVariant]) -> dict[str, LockLine]:
        return _pins((self.by_id[one.id] for one in members if one.id in self.by_id), self.movable)


def _own_names(resolution: Resolution, image: ImageVariant) -> frozenset[str]:
    """Return the names that an image adds to its parent."""
    parent = resolution.groups[group_name(image.parent)] if not image.is_root else frozenset()
    return resolution.groups[group_name(image.id)] - parent


def _shared(stack: Stack, variants: Sequence[str]) -> tuple[ImageVariant, ...]:
    """Return the images that more than one of `variants` are based on."""
    counts = Counter(image.id for variant in variants for image in _members(stack, variant))
    return tuple(image for image in stack.images if counts[image.id] > 1)


def _strictest_first(stack: Stack, variants: Collection[str]) -> list[str]:
    foreign = {
        variant: {image.variant for image in _members(stack, variant)} - {variant}
        for variant in stack.variants
        if variant in variants
    }
    return sorted(foreign, key=lambda variant: -len(foreign[variant]))


def _members(stack: Stack, variant: str) -> tuple[ImageVariant, ...]:
    return stack.closure({image.id for image in stack.images if image.variant == variant})


def _pins(requests: Iterable[PythonRequest], movable: Callable[[str], bool]) -> dict[str, LockLine]:
    return {line.name: line for request in requests for line in request.old if not movable(line.name)}


def _project(
    stack: Stack,
    variant: str,
    members: Sequence[ImageVariant],
    by_id: Mapping[str, PythonRequest],
    fixed: Mapping[str, LockLine],
) -> Project:
    groups = tuple(
        Group(
            name=group_name(image.id),
            parent="" if image.is_root else group_name(image.parent),
            requirements=by_id[image.id].requirements if image.id in by_id else (),
        )
        for image in members
    )
    return Project(
        name=f"{stack.name}-{variant}",
        python=stack.python,
        groups=groups,
        constraints=tuple((name, fixed[name].version) for name in sorted(fixed)),
    )


def _builder(
    stack: Stack,
    builder: PythonRequest,
    decided: Mapping[str, Lines],
    movable: Callable[[str], bool],
    resolve: Resolver,
) -> Lines:
    """Return the builder's lines; pins of root images (numpy's ABI) apply to it too."""
    roots = [image.id for image in stack.images if image.is_root]
    fixed = {line.name: line for id_ in roots for line in decided.get(id_, ())}
    group = Group(name="builder", parent="", requirements=builder.requirements)
    project = Project(
        name=f"{stack.name}-wheelhouse",
        python=stack.python,
        groups=(group,),
        constraints=tuple((name, fixed[name].version) for name in sorted(fixed)),
    )
    pins = {**_pins([builder], movable), **fixed}
    resolution = resolve(project, pins)
    return _lines(resolution, resolution.groups["builder"], pins, supported_tags(stack.python))


def _lines(
    resolution: Resolution, names: Iterable[str], pins: Mapping[str, LockLine], tags: Sequence[Tag]
) -> Lines:
    return tuple(_line(resolution.distributions[name], pins.get(name), tags) for name in sorted(names))


def _line(distribution: Distribution, pin: LockLine | None, tags: Sequence[Tag]) -> LockLine:
    """Return the pin unchanged while the index still has its file: a newer file moves nothing."""
    files = {(file.name, file.sha256): file for file in distribution.files}
    listed = files.get((pin.file, pin.sha256)) if pin is not None else None
    if pin is not None and pin.version == distribution.version and listed is not None:
        return replace(pin, size=listed.size or pin.size)
    file = choose_file(distribution.files, tags)
    if file is None:
        raise ConflictError(
            f"{distribution.name} {distribution.version} has neither a wheel for this stack's Python on "
            "x86_64 Linux nor an sdist",
            hint="require another version",
        )
    return LockLine(
        name=distribution.name,
        version=distribution.version,
        sha256=file.sha256,
        file=file.name,
        size=file.size,
    )


def _compare(image: ImageVariant, variant: str, old: Lines, lines: Lines) -> None:
    before = {(line.name, line.version) for line in old}
    after = {(line.name, line.version) for line in lines}
    if before != after:
        moved = ", ".join(f"{name} {version}" for name, version in sorted(before ^ after))
        raise ConflictError(
            f"{image.id} is shared with the variant {variant}, whose images need other packages: {moved}",
            hint=f"lock all variants together, or add what {variant} needs to {image.folder}",
        )
