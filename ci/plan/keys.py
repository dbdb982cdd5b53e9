"""Fingerprints: the key document of every image variant, and the key that is its hash. Pure.

A document has every input of an image as readable values, so that a comparison of two documents names the
changed input. Parents are named by key, so all keys are known before anything is looked up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ci.catalog.stack import PLATFORM, ImageVariant, LockLine, Stack
from ci.errors import CatalogError
from ci.lower.dockerfile import PARENT_ARG, instructions
from ci.plan.recipes import recipe, wheel_lists
from ci.plan.references import external_reference
from ci.steps.bootstrap import bootstrap_script, mmdebstrap_options
from ci.steps.step import PURE, Apt, Files, From, Step, Venv, Wheels

SCHEMA = 2
WHEEL_RECIPE = 2
"""Increased when the wheelhouse compiles the same sdist in another way."""

Document = dict[str, Any]
"""JSON object: strings, integers, lists and objects only."""


def digest(value: object) -> str:
    """Return the sha256 of `value` as canonical JSON: 64 hex digits.

    Canonical: sorted names, no spaces, UTF-8 without escapes.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def tag(key: str) -> str:
    """Return the cache tag of `key`: `k-` and its first 32 digits."""
    return f"k-{key[:32]}"


def base_identity(stack: Stack, parent: str, kind: str) -> Document:
    """Return the identity of the external image `parent` (`outside:NAME`) in a document.

    `kind` is `registry` or `bootstrap`.

    Raises:
        CatalogError: the image from a registry is used, and its digest is not locked.
    """
    if kind == "bootstrap":
        boot = stack.bootstrap
        return {
            "bootstrap": boot.suite,
            "options": list(mmdebstrap_options(boot.suite, boot.packages)),
            "script": bootstrap_script(boot.suite, stack.python),
            "packages": [line.text for line in boot.lock],
        }
    reference = external_reference(stack, parent)
    if reference.digest is None:
        raise CatalogError(
            f"bases.lock.toml: the image {parent} has no digest, and the base is taken from the registry",
            hint="run `dockwright lock` where that registry can be reached, or add `--base bootstrap`",
        )
    return {"registry": str(reference)}


def bootstrap_fingerprint(stack: Stack) -> str:
    """Return the digest of the identity of the bootstrap base."""
    return digest(base_identity(stack, "", "bootstrap"))


def documents(stack: Stack, kind: str) -> dict[str, Document]:
    """Return the key document of every image variant by `image:variant`, parents first."""
    found: dict[str, Document] = {}
    for image in stack.images:
        if image.is_root:
            parent = base_identity(stack, image.parent, kind)
        else:
            parent = {"image": image.parent, "key": digest(found[image.parent])}
        found[image.id] = document(stack, image, parent, kind)
    return found


def document(stack: Stack, image: ImageVariant, parent: Document, kind: str) -> Document:
    """Return the key document of one image variant over its parent's identity."""
    steps = recipe(stack, image)
    python = any(isinstance(step, Venv | Wheels) for step in steps)
    epoch = {"epoch": stack.epoch} if stack.epoch else {}
    return {
        **epoch,
        "schema": SCHEMA,
        "image": image.id,
        "platform": PLATFORM,
        "parent": parent,
        "instructions": keyed_instructions(steps),
        "python": [line.text for line in image.python_lock if not line.is_sdist],
        "wheel_builds": {line.name: wheel_build(stack, line, kind) for line in _sdists(image)},
        "apt": [line.text for line in image.apt_lock],
        "uv": uv_pin(stack) if python else "",
        "files": _files(image),
        "steps": _step_keys(stack, image, steps, parent, kind),
    }


def keyed_instructions(steps: tuple[Step, ...]) -> list[str]:
    """Return the instructions without the one that names the parent's default reference.

    The document has the parent by its identity.
    """
    return [text for text in instructions(steps) if not text.startswith(f"ARG {PARENT_ARG}=")]


def uv_pin(stack: Stack) -> str:
    """Return the version of uv, and the sha256 of its locked wheel."""
    hashes = [line.sha256 for line in stack.builder.python_lock if line.name == "uv"]
    return " ".join([stack.uv, *(f"sha256:{one}" for one in hashes)])


def wheel_build(stack: Stack, line: LockLine, kind: str) -> Document:
    """Return all inputs of the wheel that the wheelhouse compiles from the sdist `line`."""
    roots = sorted({image.parent for image in stack.images if image.is_root})
    return {
        "recipe": WHEEL_RECIPE,
        "sdist": line.text,
        "python": stack.python,
        "requirements": [required.text for required in stack.builder.python_lock],
        "compiler": [deb.text for deb in stack.builder.apt_lock],
        "base": [digest(base_identity(stack, root, kind)) for root in roots],
    }


def _sdists(image: ImageVariant) -> list[LockLine]:
    return [line for line in image.python_lock if line.is_sdist]


def _files(image: ImageVariant) -> list[list[str]]:
    return sorted([f.path, f.target, f.mode, f.content] for f in image.files)


def _step_keys(
    stack: Stack, image: ImageVariant, steps: Sequence[Step], parent: Document, kind: str
) -> list[dict[str, str]]:
    """Return a key per step: chained for impure steps, independent of what lies below for pure ones."""
    chain = digest(parent)
    keys = []
    for step in steps:
        if isinstance(step, From):
            continue
        inputs: Mapping[str, object] = {}
        match step:
            case Apt():
                inputs = {"apt": [line.text for line in image.apt_lock]}
            case Wheels(name=name):
                lines = wheel_lists(image)[name]
                built = {line.name: wheel_build(stack, line, kind) for line in lines if line.is_sdist}
                inputs = {"python": [line.text for line in lines], "built": built, "uv": uv_pin(stack)}
            case Venv():
                inputs = {"uv": uv_pin(stack)}
            case Files():
                inputs = {"files": _files(image)}
            case _:
                pass
        own = {"kind": type(step).__name__, "step": repr(step), **inputs}
        if isinstance(step, PURE):
            keys.append({"kind": type(step).__name__, "key": digest(own)})
            chain = digest([chain, own])
        else:
            chain = digest([chain, own])
            keys.append({"kind": type(step).__name__, "key": chain})
    return keys
