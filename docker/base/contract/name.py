"""Names that the film is known to hold."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from contract.document import Document, Value


class Kind(StrEnum):
    """What a name names."""

    PERSON = "person"
    PLACE = "place"
    ORGANISATION = "organisation"
    WORK = "work"
    OTHER = "other"


KIND_OF_LABEL = {
    "PERSON": Kind.PERSON,
    "PER": Kind.PERSON,
    "GPE": Kind.PLACE,
    "LOC": Kind.PLACE,
    "FAC": Kind.PLACE,
    "ORG": Kind.ORGANISATION,
    "NORP": Kind.ORGANISATION,
    "WORK_OF_ART": Kind.WORK,
    "PRODUCT": Kind.OTHER,
    "EVENT": Kind.OTHER,
    "MISC": Kind.OTHER,
}
"""Entity labels of spaCy's pipelines that are names; dates, amounts and the like are none.

Source: the label schemes of OntoNotes 5 (English pipelines) and WikiNER (most others).
"""


class Name(Value):
    """A name, and where in the film's facts it was found (`character`, `actor`, `title`, `overview`)."""

    text: str = Field(min_length=1)
    kind: Kind
    sources: tuple[str, ...] = Field(min_length=1)


class Names(Document):
    """All names, each once."""

    file_name: ClassVar[str] = "names.json"
    written_by: ClassVar[str] = "pre-ner"

    names: tuple[Name, ...] = ()
