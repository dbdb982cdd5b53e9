"""What is said."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from contract.document import Document
from contract.span import Span, in_order


class Word(Span):
    """One recognised word and how sure the model is of it."""

    text: str
    probability: float | None = Field(default=None, ge=0, le=1)


class Line(Span):
    """A sentence or a part of one. `speaker` is null where nobody was told apart."""

    text: str
    speaker: str | None = None
    words: tuple[Word, ...] = ()


class Transcript(Document):
    """All lines, by start time."""

    file_name: ClassVar[str] = "transcript.json"
    written_by: ClassVar[str] = "asr"

    recognizer: str
    language: str = Field(min_length=2)
    lines: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _lines_stand_in_order(self) -> Self:
        in_order(self.lines)
        return self
