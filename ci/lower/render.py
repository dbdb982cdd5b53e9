"""Rendered files as text: Dockerfiles with their headers, and a bake file. Pure.

They build the stack without dockwright. Paths in them are relative to the stack's directory, so that the
result does not depend on where the stack is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

BAKE_FILE = "docker-bake.json"
HEADER = "# Rendered by `dockwright render`"
"""The header of each rendered Dockerfile; a file with another header is never overwritten or removed."""

FILES = "files"
"""The folder of an exported folder that has the build context of each image."""
HOUSES = "HOUSES"
CACHE = "CACHE"
"""Variables of the bake file: the folder of `dockwright wheelhouse --export`, and a repository for caches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedContext:
    """A wheelhouse or debhouse that an image mounts: its reference, and its path in an exported folder."""

    reference: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What one rendered Dockerfile is made of.

    `parent` is the reference of an image of this stack, empty for a root image; `contexts` are mounted.
    """

    image: str
    variant: str
    folder: str
    reference: str
    parent: str
    contexts: tuple[NamedContext, ...]
    instructions: tuple[str, ...]

    @property
    def dockerfile(self) -> str:
        """The Dockerfile's name in the image's folder."""
        return f"Dockerfile.{self.variant}"

    @property
    def context(self) -> str:
        """The path of its build context in an exported folder."""
        return f"{FILES}/{self.folder}"


def dockerfile_text(recipe: Recipe) -> str:
    """Return a Dockerfile: its source, the command that builds it, and its instructions."""
    path = f"{recipe.folder}/{recipe.dockerfile}"
    needed = [*([recipe.parent] if recipe.parent else []), *(one.reference for one in recipe.contexts)]
    build = f"docker build --network none -f {path} -t {recipe.reference} DIR/{recipe.context}"
    lines = [
        f"{HEADER} from {recipe.folder}/image.toml and its locks: change those, not this file.",
        "#",
        "# Without dockwright, in the directory of stack.toml, after",
        f"# `dockwright wheelhouse --variant {recipe.variant} --export DIR`, which copies the files too:",
        f"#   DOCKER_BUILDKIT=1 {build}",
    ]
    if needed:
        lines.append(f"# It takes these local images: {', '.join(needed)}.")
    pack = r"printf 'FROM scratch\nCOPY . /\n' | docker build -f -"
    lines += [f"#   {pack} -t {one.reference} DIR/{one.path}" for one in recipe.contexts]
    return "\n".join(lines) + "\n" + "".join(_spaced(recipe.instructions))


def _spaced(instructions: Sequence[str]) -> list[str]:
    """Return the instructions as lines, with an empty one before each stage."""
    return [
        f"\n{text}\n" if number == 0 or (text.startswith("FROM ") and number > 1) else f"{text}\n"
        for number, text in enumerate(instructions)
    ]


def bake_text(recipes: Sequence[Recipe]) -> str:
    """Return a bake file: a target per image variant, parents as targets, caches in a registry on request.

    Source: Docker, Bake file reference.
    """
    names = _target_names(recipes)
    targets = {names[recipe.reference]: _target(recipe, names) for recipe in recipes}
    groups = {"default": {"targets": list(targets)}}
    for variant in dict.fromkeys(recipe.variant for recipe in recipes):
        of_variant = [names[recipe.reference] for recipe in recipes if recipe.variant == variant]
        groups[variant] = {"targets": of_variant}
    value = {
        "variable": {HOUSES: {"default": "houses"}, CACHE: {"default": ""}},
        "group": groups,
        "target": targets,
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _target(recipe: Recipe, names: dict[str, str]) -> dict[str, object]:
    contexts = {recipe.parent: f"target:{names[recipe.parent]}"} if recipe.parent else {}
    contexts |= {one.reference: f"${{{HOUSES}}}/{one.path}" for one in recipe.contexts}
    cache = f"type=registry,ref=${{{CACHE}}}/{recipe.image}:cache-{recipe.variant}"
    return {
        "context": f"${{{HOUSES}}}/{recipe.context}",
        "dockerfile-inline": _literal("\n".join(recipe.instructions) + "\n"),
        "contexts": contexts,
        "network": "none",
        "tags": [recipe.reference],
        "cache-from": [_when_cached(cache)],
        "cache-to": [_when_cached(f"{cache},mode=max")],
    }


def _literal(text: str) -> str:
    """Return `text` as a template of a bake file, in which nothing is replaced."""
    return text.replace("${", "$${").replace("%{", "%%{")


def _when_cached(text: str) -> str:
    """Return a template that is `text` where a cache is named, and empty otherwise."""
    return f'${{{CACHE} == "" ? "" : "{text}"}}'


def _target_names(recipes: Sequence[Recipe]) -> dict[str, str]:
    """Return a target's name for each reference; a dot can't be in one."""
    names: dict[str, str] = {}
    for recipe in recipes:
        name = f"{recipe.image}-{recipe.variant}".replace(".", "_")
        while name in names.values():
            name += "_"
        names[recipe.reference] = name
    return names
