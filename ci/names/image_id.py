"""The id of an image variant, and of what an image is based on. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ci.errors import ParseError
from ci.names.reference import COMPONENT, TAG

_NAME = re.compile(rf"{COMPONENT}:{TAG}")
EXTERNAL = "outside"
"""Stands before the name of an image that is not of the stack."""


@dataclass(frozen=True, slots=True, order=True)
class ImageId:
    """One variant of one image; `str()` of it is `image:variant`."""

    image: str
    variant: str

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{self.image}:{self.variant}"


@dataclass(frozen=True, slots=True, order=True)
class ExternalId:
    """An image from outside the stack, by its name in bases.lock.toml; `str()` of it is `outside:NAME`."""

    name: str

    def __str__(self) -> str:
        """Return it as image.toml has it."""
        return f"{EXTERNAL}:{self.name}"


def parse_image_id(text: str) -> ImageId:
    """Return `text` (`image:variant`) as an id.

    Raises:
        ParseError: it has no colon; what stands at its sides is not checked.
    """
    image, colon, variant = text.partition(":")
    if not colon:
        raise ParseError(f"{text!r} is not an image variant", hint="write IMAGE:VARIANT, such as asr:cpu")
    return ImageId(image, variant)


def foreign_image_id(text: str) -> ImageId:
    """Return the id of an image variant that is from a file of another machine.

    Raises:
        ParseError: it is no name that an image of a stack can have, such as a path or an option.
    """
    if _NAME.fullmatch(text) is None:
        raise ParseError(f"{text!r} is not the name of an image variant", hint="write IMAGE:VARIANT")
    return parse_image_id(text)


def parse_parent(text: str) -> ImageId | ExternalId:
    """Return the parent of an image: `image:variant`, or `outside:NAME`.

    Raises:
        ParseError: it has no colon.
    """
    found = parse_image_id(text)
    return ExternalId(found.variant) if found.image == EXTERNAL else found


def is_external(parent: str) -> bool:
    """Whether the parent of an image lies outside the stack."""
    try:
        return isinstance(parse_parent(parent), ExternalId)
    except ParseError:
        return False
