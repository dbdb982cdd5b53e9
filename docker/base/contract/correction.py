"""The text with its names corrected."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from contract.document import Document, Value
from contract.transcript import Line


class Change(Value):
    """One replaced name: its line (from 0), its text (`original`, `translated`), and how alike both are."""

    line: int = Field(ge=0)
    text: str = Field(pattern="^(original|translated)$")
    before: str
    after: str
    similarity: float = Field(ge=0, le=100)


class Correction(Document):
    """The corrected lines, their corrected translation where there is one, and every change."""

    file_name: ClassVar[str] = "correction.json"
    written_by: ClassVar[str] = "post-ner"

    language: str
    lines: tuple[Line, ...] = ()
    target_language: str | None = None
    translated: tuple[str, ...] | None = None
    changes: tuple[Change, ...] = ()

    @model_validator(mode="after")
    def _each_line_has_its_translation(self) -> Self:
        if self.translated is not None and len(self.translated) != len(self.lines):
            raise ValueError(f"{len(self.translated)} translated texts for {len(self.lines)} lines")
        return self
