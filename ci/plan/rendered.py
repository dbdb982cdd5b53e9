"""Every rendered file of a stack: its path in the stack's directory, and its text. Pure."""

from __future__ import annotations

from ci.catalog.stack import ImageVariant, Stack
from ci.lower.dockerfile import instructions
from ci.lower.render import (
    BAKE_FILE,
    NamedContext,
    Recipe,
    bake_text,
    dockerfile_text,
)
from ci.plan.recipes import recipe
from ci.plan.references import debhouse_reference, reference, wheelhouse_reference
from ci.steps.step import Apt, Venv, Wheels


def recipes(stack: Stack) -> tuple[Recipe, ...]:
    """Return the recipes of the rendered Dockerfiles, parents first."""
    return tuple(_recipe(stack, image) for image in stack.images)


def rendered(stack: Stack, *, bake: bool) -> dict[str, str]:
    """Return the text of every rendered file by its POSIX path, with the bake file if `bake` is set."""
    made = recipes(stack)
    files = {f"{recipe.folder}/{recipe.dockerfile}": dockerfile_text(recipe) for recipe in made}
    if bake:
        files[BAKE_FILE] = bake_text(made)
    return files


def _recipe(stack: Stack, image: ImageVariant) -> Recipe:
    steps = recipe(stack, image)
    contexts = []
    if any(isinstance(step, Apt) for step in steps):
        contexts.append(NamedContext(reference=debhouse_reference(stack), path="debhouse"))
    if any(isinstance(step, Venv | Wheels) for step in steps):
        variant = image.variant
        contexts.append(
            NamedContext(reference=wheelhouse_reference(stack, variant), path=f"wheelhouse/{variant}")
        )
    return Recipe(
        image=image.image,
        variant=image.variant,
        folder=image.folder,
        reference=reference(stack, image.id),
        parent="" if image.is_root else reference(stack, image.parent),
        contexts=tuple(contexts),
        instructions=instructions(steps),
    )
