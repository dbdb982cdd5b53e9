"""A sha256 digest, as registries and engines write it. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from ci.errors import ParseError

ALGORITHM = "sha256:"
SHORT = 12
PATTERN = rf"{ALGORITHM}[0-9a-f]{{64}}"
"""The form of a digest as a regular expression, for schemas."""
_FORM = re.compile(rf"{ALGORITHM}([0-9a-f]{{64}})")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A digest by sha256: `hex` is its 64 digits, `str()` of it `sha256:HEX`.

    Source: OCI image-spec 1.1, descriptor.md, section Digests.
    """

    hex: str

    def __str__(self) -> str:
        """Return it with its algorithm."""
        return f"{ALGORITHM}{self.hex}"


def parse_digest(text: str) -> Digest:
    """Return `text` (`sha256:` and 64 hexadecimal digits) as a digest.

    Raises:
        ParseError: it is none.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ParseError(f"{text[:80]!r} is not a digest", hint="write sha256: and 64 hexadecimal digits")
    return Digest(found[1])


def digest_of(data: bytes) -> str:
    """Return the digest of `data`."""
    return str(Digest(hashlib.sha256(data).hexdigest()))


def is_digest(text: str) -> bool:
    """Whether `text` is a digest."""
    return _FORM.fullmatch(text) is not None


def bare_digest(text: str) -> str:
    """Return a digest without its algorithm. Engines write the id of an image in both ways."""
    return text.removeprefix(ALGORITHM)


def whole_digest(text: str) -> str:
    """Return a digest with its algorithm; what is no digest in either form stays as it is."""
    whole = f"{ALGORITHM}{bare_digest(text)}"
    return whole if is_digest(whole) else text


def short_digest(text: str) -> str:
    """Return the first digits of a digest, or of a key, for people."""
    return bare_digest(text)[:SHORT]
