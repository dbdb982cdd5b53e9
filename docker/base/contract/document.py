"""The form that all documents of a job share."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A part of a document: immutable, and with no keys but those it names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Document(Value):
    """A JSON document that one stage writes and later stages read.

    `schema_version` rises when a reader of the older form could misread the newer one.
    """

    file_name: ClassVar[str]
    """Its place in the job folder."""
    written_by: ClassVar[str]
    """The stage that writes it; named when the document is missing."""

    schema_version: Literal[1] = 1

    def to_json(self) -> bytes:
        """Return the document as indented UTF-8 JSON that ends with a line break."""
        return self.model_dump_json(indent=2).encode() + b"\n"
