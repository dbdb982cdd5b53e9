"""Files of a stack directory read as bytes, text, TOML and documents; what can't be read is an error."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ci.bounded.file import SMALL_BYTES, read_file
from ci.bounded.parse import MalformedError, parse_toml
from ci.catalog.document_errors import mend, report_errors
from ci.catalog.validation_errors import Invalid, ValidationErrors

IMAGE = "image.toml"
"""The file that makes a folder an image."""

MOST_VALUES = 10_000
"""How many errors of one document are looked at, each: more take too much memory."""

AnyModel = TypeVar("AnyModel", bound=BaseModel)


def unreadable(error: OSError) -> Invalid:
    """Return what is wrong with a file that could not be read."""
    what = error.strerror or str(error)
    hints = {
        errno.EACCES: "give this user the right to read it",
        errno.EFBIG: "make it smaller",
        errno.EINVAL: "replace it with a regular file",
        errno.EISDIR: "replace the folder with a file",
        errno.EIO: "check the disk",
    }
    hint = hints.get(error.errno or 0, "use a file that this user can read")
    return f"can't be read ({what[:1].lower()}{what[1:]})", hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder inside a stack directory, whose files may not lead out of it.

    `top` is the resolved stack directory, `name` the folder below it; empty for the stack's own files.
    """

    top: Path
    name: str
    errors: ValidationErrors

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.top / self.name

    def file(self, name: str) -> str:
        """Return how an error names the file `name` of this folder."""
        return f"{self.name}/{name}" if self.name else name

    def has(self, name: str) -> bool:
        """Whether there is a file or a link of that name, be it one that points to nothing."""
        path = self.path / name
        return path.is_symlink() or path.exists()

    def invalid(self, path: Path) -> Invalid | None:
        """Return why `path` can't be read from within this folder, or None."""
        try:
            real = path.resolve()
        except (OSError, RuntimeError):
            return "a symbolic link that leads back to itself", "replace it with the file"
        except ValueError:
            return "not the name of a file", "correct it"
        if not real.is_relative_to(self.path.resolve()):
            return f"leads out of {self.path.name}/ to {real}", "copy it into the folder"
        return None

    def bytes(self, name: str, limit_bytes: int = SMALL_BYTES) -> bytes | None:
        """Return the content of the file; None, and an error, if it can't be read."""
        path = self.path / name
        invalid = self.invalid(path)
        if invalid is None:
            try:
                return read_file(path, limit_bytes)
            except FileNotFoundError:
                invalid = "no such file", "add it"
            except OSError as error:
                invalid = unreadable(error)
        self.errors.add(self.file(name), "", *invalid)
        return None

    def text(self, name: str, limit_bytes: int = SMALL_BYTES) -> str | None:
        """Return the file's text without a byte order mark; None, and an error, if there is none."""
        data = self.bytes(name, limit_bytes)
        if data is None:
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            self.errors.add(self.file(name), f"line {line}", "not UTF-8", "save the file as UTF-8")
            return None

    def toml(self, name: str) -> dict[str, Any] | None:
        """Return the file's table; None, and an error with its line, if it is not TOML."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return parse_toml(text)
        except MalformedError as error:
            self.errors.add(self.file(name), error.where, str(error), "correct it")
            return None

    def document(self, model: type[AnyModel], name: str) -> AnyModel | None:
        """Return the file as `model`; None, and errors, if it can't be read as one.

        Single invalid values are reported and removed, so that the rest can still be checked.
        """
        table = self.toml(name)
        if table is None:
            return None
        for attempt in range(4):
            try:
                return model.model_validate(table)
            except ValidationError as error:
                if error.error_count() > MOST_VALUES:
                    what = f"{error.error_count()} values are not valid"
                    self.errors.add(self.file(name), "", what, "is this the file that you meant?")
                    return None
                details = error.errors(include_url=False)
                if attempt == 0:
                    report_errors(self.errors, self.file(name), model, details)
                mend(table, model, details)
        return None
