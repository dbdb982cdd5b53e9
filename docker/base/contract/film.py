"""What The Movie Database says about the film."""

from __future__ import annotations

from typing import ClassVar

from contract.document import Document, Value


class Role(Value):
    """One actor and the character played, as the database writes it."""

    actor: str
    character: str


class Film(Document):
    """The film's facts."""

    file_name: ClassVar[str] = "film.json"
    written_by: ClassVar[str] = "tmdb"

    tmdb_id: int
    title: str
    original_title: str
    original_language: str
    year: int | None = None
    overview: str = ""
    cast: tuple[Role, ...] = ()
