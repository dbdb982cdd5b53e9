"""Which lines are sung."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from contract.document import Document
from contract.span import Span


class Singing(Span):
    """The pitch and rhythm of one line of the transcript, and how much they sound like singing (0 to 1).

    Pitch is null where the line holds no voiced sound.
    """

    pitch_hz: float | None = Field(default=None, gt=0, description="median of the voiced frames")
    voiced_share: float = Field(ge=0, le=1)
    held_share: float = Field(ge=0, le=1, description="share of the voiced time in which the pitch is held")
    tempo_bpm: float | None = Field(default=None, gt=0)
    pulse: float = Field(ge=0, le=1, description="how regular the onsets are")
    score: float = Field(ge=0, le=1)
    sung: bool


class Lyrics(Document):
    """One entry for each line of the transcript, in its order."""

    file_name: ClassVar[str] = "lyrics.json"
    written_by: ClassVar[str] = "lyrics-detection"

    threshold: float = Field(ge=0, le=1)
    lines: tuple[Singing, ...] = ()
