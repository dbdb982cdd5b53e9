"""Fetching many files by hash; an interrupted transfer is resumed, in this run or the next.

An unfinished file is `partial/SHA256.part`, locked by one process at a time. It moves to the content store
once its hash is right, so that no reader ever sees half of it.
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

from .address import shown
from .client import Client, TooLongError, TransientError
from .content_store import ContentStore, write_error
from .failure import FetchingError
from .obstacle import remove

STREAMS = 6
"""Files at once."""
UNKNOWN_BYTES = 8 * 2**30
"""Most bytes of a file whose lock has no size."""
REPORT_S = 5.0
"""Time between two lines of progress."""


@dataclass(frozen=True)
class Wanted:
    """A file: the name that the user knows, its hash, the function that finds its URL, and its size.

    A `size` of 0 says that its lock has none.
    """

    file: str
    sha256: str
    address: Callable[[], str]
    size: int = 0

    @property
    def limit_bytes(self) -> int:
        """The most bytes that are fetched of it."""
        return self.size or UNKNOWN_BYTES


class Transfer:
    """Fetches files into `store` by `client`."""

    def __init__(self, store: ContentStore, client: Client) -> None:
        self._store, self._client = store, client
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._done, self._bytes, self._total, self._reported_at = 0, 0, 0, time.monotonic()

    def fetch(self, wanted: Sequence[Wanted]) -> None:
        """Fetch all of `wanted` into the content store.

        Raises:
            FetchingError: some can't be fetched; of kind `unavailable` only if there is no other failure.
        """
        self._done, self._bytes, self._total = 0, 0, len(wanted)
        failures: list[FetchingError] = []

        def one(each: Wanted) -> None:
            if self._stopped.is_set():
                return
            try:
                self._fetch(each)
            except FetchingError as failed:
                with self._lock:
                    failures.append(failed)
                # all unavailable files are reported together; after any other failure nothing more is started
                if failed.kind != "unavailable":
                    self._stopped.set()

        with ThreadPoolExecutor(STREAMS) as pool:
            list(pool.map(one, wanted))
        if failures:
            raise _combined(failures)

    def _fetch(self, wanted: Wanted) -> None:
        try:
            with self._locked_part(wanted.sha256) as file:
                if self._store.has(wanted.sha256):  # another process fetched it
                    self._part(wanted.sha256).unlink(missing_ok=True)
                else:
                    self._download(wanted, wanted.address(), file)
        except OSError as error:
            self._part(wanted.sha256).unlink(missing_ok=True)  # it may be what fills the disk
            raise write_error(error, self._store.folder) from error
        with self._lock:
            self._done += 1

    def _download(self, wanted: Wanted, url: str, file: BinaryIO) -> None:
        part, unexpected = self._part(wanted.sha256), set[str]()

        def attempt() -> None:
            try:
                actual = self._resume(file, url, wanted.limit_bytes)
            except TooLongError as error:
                file.truncate(0)
                more = f"more than the {wanted.limit_bytes} bytes that its lock has"
                if not wanted.size:
                    more = f"more than {wanted.limit_bytes} bytes; its lock has no size"
                if more in unexpected:
                    raise FetchingError(
                        kind="hash",
                        text=f"{wanted.file}: {shown(url)} has {more}",
                        hint="nothing of it was stored: it is another file",
                    ) from error
                unexpected.add(more)
                raise TransientError(f"there is {more}") from error
            if actual == wanted.sha256:
                return
            file.truncate(0)
            if actual in unexpected:  # twice the same other bytes: not a transfer error
                raise FetchingError(
                    kind="hash",
                    text=f"{wanted.file}: its lock has sha256 {wanted.sha256}, but {shown(url)} has {actual}",
                    hint="nothing of it was stored. Either the file was replaced there, and must not be "
                    "trusted without a review, or the lock was edited: `dockwright lock` makes it again",
                )
            unexpected.add(actual)
            raise TransientError(f"sha256 is {actual[:12]}…, not {wanted.sha256[:12]}…")

        try:
            self._client.with_retries(wanted.file, url, attempt)
        except FetchingError as failed:
            if failed.kind == "unavailable":
                part.unlink(missing_ok=True)
                raise FetchingError(
                    kind="unavailable", text=failed.text, hint=failed.hint, unavailable=(wanted.file,)
                ) from failed
            if failed.kind == "hash":
                part.unlink(missing_ok=True)
            raise
        file.flush()
        part.chmod(0o644)
        part.replace(self._store.path(wanted.sha256))

    def _resume(self, file: BinaryIO, url: str, limit_bytes: int) -> str:
        """Fetch what `file` lacks and return the hash of all of it. Raises `TooLongError`."""
        if file.seek(0, os.SEEK_END) > limit_bytes:
            file.truncate(0)
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
                digest, start = hashlib.sha256(), 0
            for chunk in response.chunks(limit_bytes - start):
                digest.update(chunk)
                file.write(chunk)
                self._progress(len(chunk))
        return digest.hexdigest()

    def _part(self, digest: str) -> Path:
        return self._store.partial / f"{digest}.part"

    @contextlib.contextmanager
    def _locked_part(self, digest: str) -> Iterator[BinaryIO]:
        """Open an unfinished file for this process alone; the lock ends with the process, however it ends."""
        path = self._part(digest)
        if os.path.lexists(path) and not path.is_file():
            remove(path)
        while True:
            with path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                try:
                    same = path.stat().st_ino == os.fstat(file.fileno()).st_ino
                except FileNotFoundError:
                    same = False
                if same:  # else the process that had the lock has moved it
                    yield file
                    return

    def _progress(self, more: int) -> None:
        with self._lock:
            self._bytes += more
            if time.monotonic() - self._reported_at < REPORT_S:
                return
            self._reported_at = time.monotonic()
            done, total, size = self._done, self._total, self._bytes
        self._client.say(f"{done} of {total} fetched, {size / 1e6:.0f} MB")


def _combined(failures: list[FetchingError]) -> FetchingError:
    """Return several failures as one: files that are only unavailable come last."""
    others = [failed for failed in failures if failed.kind != "unavailable"]
    chosen = others or failures
    texts = list(dict.fromkeys(failed.text for failed in chosen))
    more = [f"and {len(texts) - 5} more"] if len(texts) > 5 else []
    unavailable = tuple(sorted({name for failed in chosen for name in failed.unavailable}))
    text = "\n".join([*texts[:5], *more])
    return FetchingError(kind=chosen[0].kind, text=text, hint=chosen[0].hint, unavailable=unavailable)
