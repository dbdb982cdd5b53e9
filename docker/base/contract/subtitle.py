"""The subtitle files."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from contract.document import Document, Value


class Format(StrEnum):
    """Kinds of subtitle file."""

    SRT = "srt"
    VTT = "vtt"
    ASS = "ass"


class SubtitleFile(Value):
    """One written file."""

    format: Format
    file: str


class Subtitles(Document):
    """The written files; all hold the same cues."""

    file_name: ClassVar[str] = "subtitles.json"
    written_by: ClassVar[str] = "subtitle-gen"

    language: str
    cues: int = Field(ge=0)
    files: tuple[SubtitleFile, ...] = ()
