"""The folder through which the stages hand on their work."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from contract.document import Document
from contract.error import InputError, OutputError
from contract.log import logger

D = TypeVar("D", bound=Document)


class Job:
    """One film's folder: each stage adds files and never changes those of another.

    A file appears whole or not at all: it is written under another name (`.part-…`) and renamed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, kind: type[D]) -> D:
        """Return the document of this kind.

        Raises:
            InputError: it is missing or not of this form.
        """
        path = self.folder / kind.file_name
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            raise InputError(f"{path}: there is no such file; run {kind.written_by} first") from None
        except OSError as error:
            raise InputError(f"{path}: can't be read ({error.strerror})") from error
        try:
            return kind.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(
                f"{path}: {where + ': ' if where else ''}{first['msg']} ({error.error_count()} faults);"
                f" run {kind.written_by} again"
            ) from error

    def find(self, kind: type[D]) -> D | None:
        """Return the document of this kind; None where no stage has written it.

        Raises:
            InputError: it is there and not of this form.
        """
        return self.read(kind) if (self.folder / kind.file_name).exists() else None

    def file(self, name: str, *, written_by: str) -> Path:
        """Return the path of a file that a document names.

        Raises:
            InputError: it is missing, or lies outside the job folder.
        """
        path = self.folder / name
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise InputError(f"{path}: lies outside the job folder; run {written_by} again")
        if not path.is_file():
            raise InputError(f"{path}: there is no such file; run {written_by} first")
        return path

    @contextmanager
    def new_file(self, name: str) -> Iterator[Path]:
        """Give a path to write; it becomes `name` at the end, or goes when an error leaves the block.

        Raises:
            OutputError: the folder is missing or can't be written.
        """
        part = self.folder / f".part-{secrets.token_hex(4)}-{name}"
        try:
            part.touch(exist_ok=False)
        except OSError as error:
            raise OutputError(
                f"{self.folder}: can't be written by user {os.getuid()} ({error.strerror});"
                " mount a folder that this user may write, or name another with --job"
            ) from error
        try:
            yield part
            with part.open("rb+") as written:
                os.fsync(written.fileno())
            part.replace(self.folder / name)
        except OSError as error:
            raise OutputError(f"{self.folder / name}: can't be written ({error.strerror})") from error
        finally:
            part.unlink(missing_ok=True)
        logger.info("file written", extra={"file": name, "bytes": (self.folder / name).stat().st_size})

    def write(self, document: Document) -> None:
        """Write the document to its place.

        Raises:
            OutputError: the folder can't be written.
        """
        with self.new_file(document.file_name) as path:
            path.write_bytes(document.to_json())
