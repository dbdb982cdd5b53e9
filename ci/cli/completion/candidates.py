"""What shell completion offers: the images and variants of the stack.

Nothing here prints or raises: a broken stack has no candidates, or fewer.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from ci.bounded.file import SMALL_BYTES, read_file
from ci.bounded.parse import parse_toml

CHECKOUT = Path(__file__).resolve().parents[3]


def complete_image(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return images; and IMAGE:VARIANT where one image is left to choose, or a colon is typed."""
    found = image_variants(stack_directory(ctx))
    images = [name for name in found if name.startswith(incomplete)]
    if ":" not in incomplete and len(images) > 1 and incomplete not in images:
        return images
    ids = (f"{image}:{variant}" for image, variants in found.items() for variant in variants)
    return [*images, *(id_ for id_ in ids if id_.startswith(incomplete))]


def complete_variant(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the variants of the stack."""
    variants = _toml(stack_directory(ctx) / "stack.toml").get("variants")
    return [name for name in _texts(variants) if name.startswith(incomplete)]


def stack_directory(ctx: click.Context) -> Path:
    """Return the directory of the stack that a command with this context would use."""
    given = ctx.find_root().params.get("stack")
    if given is not None:
        return Path(given)
    from ci.settings import FILE, read_settings, user_file

    settings = read_settings((CHECKOUT / FILE, user_file(os.environ)))
    own = CHECKOUT / settings.stack
    return own if "stack" not in settings.model_fields_set and own.is_dir() else settings.stack


def image_variants(directory: Path) -> dict[str, tuple[str, ...]]:
    """Return the variants of each image in a stack directory, read without any check.

    An image whose `image.toml` can't be read has no variants here.
    """
    if not directory.is_dir():
        return {}
    files = sorted(directory.glob("*/image.toml"))
    return {path.parent.name: tuple(_texts(_toml(path).get("parent"))) for path in files}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return parse_toml(read_file(path, SMALL_BYTES).decode("utf-8-sig"))
    except (OSError, ValueError):
        return {}


def _texts(value: object) -> list[str]:
    return [part for part in value if isinstance(part, str)] if isinstance(value, list | dict) else []
