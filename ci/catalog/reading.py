"""Files of a stack directory read as bytes, text, TOML and documents; what can't be read is an error."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ci.catalog.document_errors import mend, report_errors
from ci.catalog.validation_errors import Invalid, ValidationErrors

IMAGE = "image.toml"
"""The file that makes a folder an image."""

AnyModel = TypeVar("AnyModel", bound=BaseModel)


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
        if not real.is_relative_to(self.path.resolve()):
            return f"leads out of {self.path.name}/ to {real}", "copy it into the folder"
        return None

    def bytes(self, name: str) -> bytes | None:
        """Return the content of the file; None, and an error, if it can't be read."""
        path = self.path / name
        invalid = self.invalid(path)
        if invalid is None:
            try:
                return path.read_bytes()
            except FileNotFoundError:
                invalid = "no such file", "add it"
            except OSError as error:
                invalid = (
                    f"can't be read ({error.strerror})",
                    "use a file that this user can read",
                )
        self.errors.add(self.file(name), "", *invalid)
        return None

    def text(self, name: str) -> str | None:
        """Return the file's text; None, and an error, if there is none."""
        data = self.bytes(name)
        if data is None:
            return None
        try:
            return data.decode()
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
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            what, _, where = str(error).partition(" (at ")
            line = re.match(r"line (\d+)", where)
            key = f"line {line[1] if line else text.count(chr(10)) + 1}"
            self.errors.add(self.file(name), key, f"not TOML: {what[:1].lower()}{what[1:]}", "correct it")
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
                details = error.errors(include_url=False)
                if attempt == 0:
                    report_errors(self.errors, self.file(name), model, details)
                mend(table, model, details)
        return None
