"""Values in what a registry or a token server sends, each of its type and within bounds. Pure."""

from __future__ import annotations

from typing import Any

from ci.bounded.parse import MalformedError, parse_object
from ci.errors import RegistryError
from ci.names.digest import is_digest, short_digest

MOST_BYTES = 2**44
"""The largest size of a blob or an unpacked layer: 16 TiB. So no sum of sizes leaves 64 bits."""


def read_object(data: bytes | str, what: str) -> dict[str, Any]:
    """Return the JSON object that `data` is; `what` names it in messages.

    A name stands in an object once: of two, each program could read another one.

    Raises:
        RegistryError: corrupt: it is none, or exceeds a bound of `ci.bounded.parse`.
    """
    try:
        return parse_object(data, unique=True)
    except MalformedError as error:
        raise RegistryError("corrupt", f"{what}: not valid JSON, or incomplete ({error})") from error


def size_of(value: Any, name: str) -> int:
    """Return `value` as a size in bytes.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_BYTES:
        raise ValueError(f"{short_digest(name)}… has no size")
    return value


def digest_in(value: Any) -> str:
    """Return `value` as a digest.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not is_digest(value):
        raise ValueError("a descriptor whose digest is not a sha256")
    return value


def list_in(value: Any, name: str, most: int) -> list[Any]:
    """Return `value` as a list of at most `most` entries.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"`{name}` is not a list of at most {most}")
    return value


def texts_in(value: Any, name: str) -> dict[str, str]:
    """Return `value` as a map of strings; empty where it is null.

    Raises:
        ValueError: it is none.
    """
    found = {} if value is None else value
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise ValueError(f"`{name}` is not a map of strings")
    return found
