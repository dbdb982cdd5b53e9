"""Where somebody speaks."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import model_validator

from contract.document import Document
from contract.span import Span, in_order


class Activity(Document):
    """Spans that hold speech, by start time, and what found them."""

    detector: str
    spans: tuple[Span, ...] = ()

    @model_validator(mode="after")
    def _spans_stand_in_order(self) -> Self:
        in_order(self.spans)
        return self


class Speech(Activity):
    """The first, fast pass."""

    file_name: ClassVar[str] = "speech.json"
    written_by: ClassVar[str] = "silero-vad"


class Voice(Activity):
    """The second, finer pass."""

    file_name: ClassVar[str] = "voice.json"
    written_by: ClassVar[str] = "pyannote-vad"
