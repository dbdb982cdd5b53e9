"""Digests of files. Standard library only."""

import base64
import hashlib
from pathlib import Path

CHUNK = 2**18


def hexadecimal(digest: str) -> str:
    """Return the digest of a RECORD, which is urlsafe base64 without padding, as hexadecimal digits."""
    return base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4)).hex()


def file_hash(file: Path, algorithm: str) -> tuple[str, str]:
    """Return the digest of a file, or why it can't be read."""
    try:
        with file.open("rb", buffering=0) as stream:
            digest, buffer = hashlib.new(algorithm, usedforsecurity=False), memoryview(bytearray(CHUNK))
            while size := stream.readinto(buffer):
                digest.update(buffer[:size])
    except OSError as error:
        return "", error.strerror or str(error)
    return digest.hexdigest(), ""
