"""What demux found in the film and made of it."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from contract.document import Document, Value
from contract.span import Seconds

SAMPLE_RATE: Final = 16_000
"""Samples a second of the sound that all later stages hear, one channel."""


class AudioTrack(Value):
    """The sound as 16-bit mono WAV. Sample 0 is second 0 of the film, also where its sound starts later."""

    file: str
    sample_rate: Literal[16_000] = SAMPLE_RATE
    channels: Literal[1] = 1
    samples: int = Field(gt=0)
    source_codec: str
    source_language: str | None = None


class VideoTrack(Value):
    """The picture, as it was coded in the source."""

    file: str
    codec: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    frame_rate: str = Field(description="a fraction, such as 24000/1001")


class Media(Document):
    """The parts of the film. `video` is null where the source has no picture."""

    file_name: ClassVar[str] = "media.json"
    written_by: ClassVar[str] = "demux"

    source: str = Field(description="file name of the film, without its folder")
    duration_s: Seconds
    audio: AudioTrack
    video: VideoTrack | None = None
