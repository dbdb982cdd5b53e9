"""Write an image's layers without what an overlay's mount left in them: `plain_layers.py STORE IMAGE FOLDER`.

For a user without root the kernel marks files that it copied up by attributes `user.overlay.*`, and Buildah
1.28 puts these into the layer: it is then another layer than the one that root gets from the same step. Each
layer of the image IMAGE that has such attributes is written to FOLDER as a tar without them, under the sha256
of that tar. Printed is a JSON list of `[DiffID, DiffID without them, bytes]`.

STORE is the root of a store with the driver overlay. It needs the standard library only.

Source: overlayfs.rst of the kernel, `userxattr`; pax(1), extended header; tar-split 0.11, entry.go in
tar/storage: a layer's tar is recorded as its headers, in base64, and the names of its files.
"""

import base64
import gzip
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if not __package__:
    # started as a program, it has no package; -I leaves this folder out of the search path
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .image_layers import LayerError, layers_of

BLOCK = 512
CHUNK = 2**20
EXTENDED = b"x"
OWN = b"SCHILY.xattr.user.overlay."
"""How a tar names an attribute that is the overlay's own. Source: star(5)."""
FILE, SEGMENT = 1, 2


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a layer's record."""
    with gzip.open(path, "rb") as stream:
        for line in stream:
            yield json.loads(line)


def has_own_attributes(record: Path) -> bool:
    """Whether a layer has attributes that the overlay put there."""
    return any(
        OWN in base64.b64decode(entry["payload"] or "")
        for entry in records(record)
        if entry["type"] == SEGMENT
    )


def tar_of(record: Path, files: Path) -> Iterator[bytes]:
    """Yield the tar of a layer as it was made, in pieces; `files` is the folder of its files."""
    for entry in records(record):
        if entry["type"] == SEGMENT:
            yield base64.b64decode(entry["payload"] or "")
        elif entry.get("size"):
            raw = entry.get("name_raw")
            name = base64.b64decode(raw) if raw else os.fsencode(entry["name"])
            with open(os.path.join(os.fsencode(files), name), "rb") as stream:  # noqa: PTH118, PTH123 bytes
                while piece := stream.read(CHUNK):
                    yield piece


class Stream:
    """Pieces read as one stream, with the digest of all of it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._sha256 = hashlib.sha256()

    def upto(self, size: int) -> bytes:
        """Return 1 to `size` bytes; none at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._sha256.update(piece)
            self._rest = piece
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def exactly(self, size: int) -> bytes:
        """Return `size` bytes.

        Raises:
            LayerError: it ends before that.
        """
        found = []
        while size:
            piece = self.upto(size)
            if not piece:
                raise LayerError("the tar of the layer ends too early")
            found.append(piece)
            size -= len(piece)
        return b"".join(found)

    @property
    def digest(self) -> str:
        """The digest of what was read."""
        return f"sha256:{self._sha256.hexdigest()}"


def padded(size: int) -> int:
    """Return the bytes that `size` bytes take in a tar."""
    return -(-size // BLOCK) * BLOCK


def number(field: bytes) -> int:
    """Return a number of a header: octal, or binary where the first bit is set."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    return int(field.rstrip(b" \0") or b"0", 8)


def without_own(extended: bytes) -> bytes:
    """Return the records of an extended header but for the overlay's own."""
    found, rest = b"", extended
    while rest:
        size = int(rest.partition(b" ")[0])
        record, rest = rest[:size], rest[size:]
        if not record.partition(b" ")[2].startswith(OWN):
            found += record
    return found


def resized(header: bytes, size: int) -> bytes:
    """Return a header with another size, as Go's archive/tar writes it."""
    changed = bytearray(header)
    changed[124:136] = b"%011o\0" % size
    changed[148:156] = b" " * 8
    changed[148:156] = b"%06o\0 " % sum(changed)
    return bytes(changed)


def plain_tar(stream: Stream) -> Iterator[bytes]:
    """Yield a tar without the overlay's own attributes, in pieces; all else stays as it is."""
    while header := stream.upto(BLOCK):
        header += stream.exactly(BLOCK - len(header))
        size = number(header[124:136])
        if header[156:157] == EXTENDED:
            extended = stream.exactly(padded(size))[:size]
            kept = without_own(extended)
            if kept:
                yield resized(header, len(kept)) if kept != extended else header
                yield kept.ljust(padded(len(kept)), b"\0")
            continue
        yield header
        left = padded(size)
        while left:
            piece = stream.upto(min(left, CHUNK))
            if not piece:
                raise LayerError("the tar of the layer ends too early")
            left -= len(piece)
            yield piece


def write_plain(layer: dict[str, Any], store: Path, folder: Path) -> tuple[str, int]:
    """Write a layer without the overlay's own attributes; return its DiffID and its bytes."""
    record = store / f"overlay-layers/{layer['id']}.tar-split.gz"
    stream = Stream(tar_of(record, store / "overlay" / layer["id"] / "diff"))
    sha256, size = hashlib.sha256(), 0
    part = folder / f".{layer['id']}"
    with part.open("wb") as file:
        for piece in plain_tar(stream):
            sha256.update(piece)
            size += len(piece)
            file.write(piece)
    if stream.digest != layer["diff-digest"]:
        raise LayerError(f"layer {layer['id'][:12]}: its files are not those that it was made of")
    part.rename(folder / sha256.hexdigest())
    return f"sha256:{sha256.hexdigest()}", size


def main(store: Path, image: str, folder: Path) -> None:
    """Write what has to be written, and print which layers became which."""
    replaced = [
        [layer["diff-digest"], *write_plain(layer, store, folder)]
        for layer in reversed(layers_of(store, "overlay", image))
        if has_own_attributes(store / f"overlay-layers/{layer['id']}.tar-split.gz")
    ]
    print(json.dumps(replaced))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    except LayerError as error:
        sys.exit(str(error))
