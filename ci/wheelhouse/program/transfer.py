"""Fetching many files by hash; a broken transfer goes on where it broke, in this run or the next.

A file on its way is `parts/SHA256.part`, held by one process at a time. It gets its place when its hash is
right, so that no reader ever sees half of it.
"""

import contextlib
import fcntl
import hashlib
import os
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from .client import BrokenError, Client, shown
from .content_store import ContentStore, full
from .failure import FetchingError

STREAMS = 6
"""Files at once."""
SAY_S = 5.0
"""Time between two lines about how far it is."""


@dataclass(frozen=True)
class Wanted:
    """A file by the name that the user knows, its hash, and what finds its address (which asks an index)."""

    file: str
    sha256: str
    address: Callable[[], str]


class Transfer:
    """Brings files into `kept` by `client`."""

    def __init__(self, kept: ContentStore, client: Client) -> None:
        self._kept, self._client = kept, client
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._done, self._bytes, self._total, self._said_at = 0, 0, 0, time.monotonic()

    def fetch(self, wanted: Sequence[Wanted]) -> None:
        """Bring all of `wanted`; each is there by hash afterwards.

        Raises:
            FetchingError: some could not be had; of kind `gone` only if nothing else is wrong.
        """
        self._done, self._bytes, self._total = 0, 0, len(wanted)
        failures: list[FetchingError] = []

        def one(each: Wanted) -> None:
            if self._stopped.is_set():
                return
            try:
                self._bring(each)
            except FetchingError as failed:
                with self._lock:
                    failures.append(failed)
                # all that is gone is told at once; after anything else nothing more is begun
                if failed.kind != "gone":
                    self._stopped.set()

        with ThreadPoolExecutor(STREAMS) as pool:
            list(pool.map(one, wanted))
        if failures:
            raise _together(failures)

    def _bring(self, wanted: Wanted) -> None:
        try:
            with self._held(wanted.sha256) as file:
                if self._kept.holds(wanted.sha256):  # another process brought it
                    self._part(wanted.sha256).unlink(missing_ok=True)
                else:
                    self._tried(wanted, wanted.address(), file)
        except OSError as error:
            self._part(wanted.sha256).unlink(missing_ok=True)  # it may be what fills the disk
            raise full(error, self._kept.folder) from error
        with self._lock:
            self._done += 1

    def _tried(self, wanted: Wanted, url: str, file: BinaryIO) -> None:
        part, wrong = self._part(wanted.sha256), set[str]()

        def once() -> None:
            actual = self._completed(file, url)
            if actual == wanted.sha256:
                return
            file.truncate(0)
            if actual in wrong:  # twice the same other bytes: no accident of the way
                raise FetchingError(
                    kind="hash",
                    text=f"{wanted.file}: its lock says sha256 {wanted.sha256}, but {shown(url)} has "
                    f"{actual}. Nothing of it was kept. Either the file was replaced there, which "
                    "nobody should trust unseen, or the lock was edited: `dockwright lock` writes it anew",
                )
            wrong.add(actual)
            raise BrokenError(f"sha256 is {actual[:12]}…, not {wanted.sha256[:12]}…")

        try:
            self._client.tried(wanted.file, url, once)
        except FetchingError as failed:
            if failed.kind == "gone":
                part.unlink(missing_ok=True)
                raise FetchingError(kind="gone", text=failed.text, gone=(wanted.file,)) from failed
            if failed.kind == "hash":
                part.unlink(missing_ok=True)
            raise
        file.flush()
        part.chmod(0o644)
        part.replace(self._kept.path(wanted.sha256))

    def _completed(self, file: BinaryIO, url: str) -> str:
        """Bring what `file` lacks and return the hash of all of it."""
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]
        start = file.seek(0, os.SEEK_END)
        try:
            response = self._client.open(url, {"Range": f"bytes={start}-"} if start else {})
        except urllib.error.HTTPError as error:
            if start and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                error.close()
                return digest.hexdigest()
            raise
        with response:
            if start and response.status != HTTPStatus.PARTIAL_CONTENT:
                file.seek(0)
                file.truncate(0)
                digest = hashlib.sha256()
            for chunk in self._client.chunks(response):
                digest.update(chunk)
                file.write(chunk)
                self._progress(len(chunk))
        return digest.hexdigest()

    def _part(self, digest: str) -> Path:
        return self._kept.parts / f"{digest}.part"

    @contextlib.contextmanager
    def _held(self, digest: str) -> Iterator[BinaryIO]:
        """Open the part of a file for this process alone; the lock goes with the process, however it ends."""
        path = self._part(digest)
        while True:
            with path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                try:
                    same = path.stat().st_ino == os.fstat(file.fileno()).st_ino
                except FileNotFoundError:
                    same = False
                if same:  # else its holder gave it its place meanwhile
                    yield file
                    return

    def _progress(self, more: int) -> None:
        with self._lock:
            self._bytes += more
            if time.monotonic() - self._said_at < SAY_S:
                return
            self._said_at = time.monotonic()
            done, total, size = self._done, self._total, self._bytes
        self._client.say(f"{done} of {total} fetched, {size / 1e6:.0f} MB")


def _together(failures: list[FetchingError]) -> FetchingError:
    """Return several failures as one: what is not merely gone goes first."""
    others = [failed for failed in failures if failed.kind != "gone"]
    chosen = others or failures
    texts = list(dict.fromkeys(failed.text for failed in chosen))
    more = [f"and {len(texts) - 5} more"] if len(texts) > 5 else []
    gone = tuple(sorted({name for failed in chosen for name in failed.gone}))
    return FetchingError(kind=chosen[0].kind, text="\n".join([*texts[:5], *more]), gone=gone)
