"""Looking for words where nobody may find them: in the arguments of processes, and in files."""

from __future__ import annotations

import gzip
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

import zstandard

from tests.hang import HANG_S

ZSTD, GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
"""How compressed data begins. Source: RFC 8878 section 3.1.1, RFC 1952 section 2.3.1."""
PART_BYTES = 2**20


@contextmanager
def watched(*words: str) -> Iterator[set[str]]:
    """Look into the arguments of all processes, again and again; yield those of `words` that were seen.

    Raises:
        AssertionError: it does not see a word that is there, or has not looked once.
    """
    found: set[str] = set()
    control = "a-word-that-is-there-while-it-is-looked-for"
    looked, done = threading.Event(), threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    data = path.read_bytes()
                    found.update(word for word in (*words, control) if word.encode() in data)
            if control in found:
                looked.set()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        with subprocess.Popen(("sh", "-c", "read line", control), stdin=subprocess.PIPE):
            assert looked.wait(HANG_S), "the arguments of processes can't be seen here"
        found.discard(control)
        yield found
    finally:
        done.set()
        thread.join()
        found.discard(control)


def holding(word: str, *places: Path) -> set[Path]:
    """Return the files below `places` that hold `word` or have it in their name, compressed or not.

    Raises:
        AssertionError: not all of them could be read.
    """
    assert all(place.exists() for place in places)
    argv = ("grep", "-rlF", "--devices=skip", "-e", word, *map(str, places))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode in (0, 1), done.stderr) == (True, ""), done.stderr
    found = {Path(line) for line in done.stdout.splitlines()}
    for place in places:
        for path in (place, *place.rglob("*")):
            if word in path.name or (_is_file(path) and _compressed(path, word.encode())):
                found.add(path)
    return found


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _compressed(path: Path, word: bytes) -> bool:
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        if head == ZSTD:
            return _streams(cast("IO[bytes]", zstandard.ZstdDecompressor().stream_reader(file)), word)
        if head[:2] == GZIP:
            with gzip.open(file) as stream:
                return _streams(cast("IO[bytes]", stream), word)
    return False


def _streams(stream: IO[bytes], word: bytes) -> bool:
    rest = b""
    while part := stream.read(PART_BYTES):
        if word in rest + part:
            return True
        rest = part[-len(word) :]
    return False
