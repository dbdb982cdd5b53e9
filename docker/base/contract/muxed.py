"""The film with its subtitles."""

from __future__ import annotations

from typing import ClassVar

from contract.document import Document, Value


class Stream(Value):
    """One stream of the written film."""

    kind: str
    codec: str
    language: str | None = None


class Muxed(Document):
    """The written film."""

    file_name: ClassVar[str] = "mux.json"
    written_by: ClassVar[str] = "mux"

    file: str
    streams: tuple[Stream, ...]
