"""The recipe of each image variant of a stack, and the references that its images get."""

from __future__ import annotations

import hashlib
from itertools import groupby
from posixpath import basename, dirname

from ci.catalog.stack import ContextFile, DebLine, ImageVariant, LockLine, Stack
from ci.errors import CatalogError
from ci.steps.layout import recipe
from ci.steps.step import Account, Copy, Step


def reference(stack: Stack, id_: str) -> str:
    """Return the human reference of the image variant `id_`, such as `dockwright/asr:cpu`."""
    return f"{stack.namespace}/{id_}"


def wheelhouse_reference(stack: Stack, variant: str) -> str:
    """Return the reference of a variant's wheelhouse image."""
    return f"{stack.namespace}/wheelhouse:{variant}"


def debhouse_reference(stack: Stack) -> str:
    """Return the reference of the debhouse image."""
    return f"{stack.namespace}/debhouse:{stack.bootstrap.suite}"


def outside_reference(stack: Stack, parent: str) -> str:
    """Return `reference:tag@digest` of `outside:NAME`, without the digest while it is absent.

    Raises:
        CatalogError: bases.lock.toml has no such image.
    """
    name = parent.removeprefix("outside:")
    for outside in stack.outside:
        if outside.name == name:
            return f"{outside.reference}:{outside.tag}" + (f"@{outside.digest}" if outside.digest else "")
    raise CatalogError(f"bases.lock.toml: no image {name!r}; known: {[o.name for o in stack.outside]}")


def digest_reference(stack: Stack, parent: str) -> str:
    """Return `repository@digest` of `outside:NAME`: several engines take a tag or a digest, not both.

    Raises:
        CatalogError: bases.lock.toml has no such image.
    """
    reference = outside_reference(stack, parent)
    tagged, at, sha = reference.partition("@")
    return f"{tagged.rpartition(':')[0]}{at}{sha}"


def apt_list(asked: tuple[str, ...], lock: tuple[DebLine, ...]) -> str:
    """Return the name of a list of the debhouse, by what it holds; empty where nothing is asked for.

    Images with the same Debian packages on the same parent so share one instruction and one layer.
    """
    if not asked:
        return ""
    lines = "\n".join(line.text for line in lock)
    return f"{'-'.join(asked)[:40]}-{hashlib.sha256(lines.encode()).hexdigest()[:12]}"


def wheel_lists(image: ImageVariant) -> dict[str, tuple[LockLine, ...]]:
    """Return the lock lines of each layer of wheels of `image`, by the name of its list in the wheelhouse.

    A declared layer is named by its first distribution; what no declared layer has comes last, under the
    image's own name.
    """
    lines = {line.name: line for line in image.python_lock}
    lists = {
        f"{image.image}.{layer[0]}": tuple(lines.pop(name) for name in sorted(layer))
        for layer in image.layers
    }
    if lines:
        lists[image.image] = tuple(lines.values())
    return lists


def account(stack: Stack) -> Account:
    """Return the account that every image of the stack runs as."""
    return Account(name=stack.user, uid=stack.uid, gid=stack.gid)


def steps_of(stack: Stack, image: ImageVariant) -> tuple[Step, ...]:
    """Return the recipe of `image`."""
    parent = outside_reference(stack, image.parent) if image.is_root else reference(stack, image.parent)
    return recipe(
        name=image.image,
        parent=image.parent,
        parent_reference=parent,
        root=image.is_root,
        python=stack.python,
        account=account(stack),
        wheelhouse=wheelhouse_reference(stack, image.variant),
        debhouse=debhouse_reference(stack),
        apt=apt_list(image.apt, image.apt_lock),
        wheels=tuple(wheel_lists(image)),
        libraries=image.libraries,
        copies=copies_of(image.files),
        env=image.env,
        entrypoint=image.entrypoint,
        labels=(
            ("org.opencontainers.image.title", image.title),
            ("org.opencontainers.image.description", image.description),
            ("org.opencontainers.image.licenses", stack.licenses),
        ),
    )


def copies_of(files: tuple[ContextFile, ...]) -> tuple[Copy, ...]:
    """Return as few copies as keep every file's name and mode; sorted, so that file order does not count."""
    named = sorted((f for f in files if basename(f.path) == basename(f.target)), key=_group)
    copies = [
        Copy(sources=tuple(f.path for f in group), target=f"{folder.rstrip('/')}/", mode=mode)
        for (folder, mode, _), group in (
            (key, list(members))
            for key, members in groupby(named, key=lambda f: (dirname(f.target), f.mode, dirname(f.path)))
        )
    ]
    renamed = sorted((f for f in files if basename(f.path) != basename(f.target)), key=lambda f: f.target)
    copies += [Copy(sources=(f.path,), target=f.target, mode=f.mode) for f in renamed]
    return tuple(copies)


def _group(file: ContextFile) -> tuple[str, str, str, str]:
    return dirname(file.target), file.mode, dirname(file.path), file.path
