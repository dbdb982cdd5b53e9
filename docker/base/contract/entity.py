"""Names in a text, found by a spaCy pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.error import ModelInvalidError
from contract.model import Model, loading
from contract.name import KIND_OF_LABEL, Kind

PIPELINE = Model(
    path="/models/spacy",
    files=("config.cfg", "meta.json"),
    description="a spaCy 3.8 pipeline saved to disk that finds entities, such as en_core_web_sm",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A name in a text, from character `start` up to `end`."""

    text: str
    kind: Kind
    start: int
    end: int


class EntityFinder:
    """Finds names in texts. Dates, amounts and other entities that are no names are left out."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline

    def __call__(self, text: str) -> Iterator[Entity]:
        """Yield the names in `text`, from left to right."""
        for entity in self._pipeline(text).ents:
            kind = KIND_OF_LABEL.get(entity.label_)
            if kind is not None and entity.text.strip():
                yield Entity(text=entity.text, kind=kind, start=entity.start_char, end=entity.end_char)


def entity_finder(folder: Path) -> EntityFinder:
    """Return the finder of the pipeline in `folder`.

    Raises:
        ModelMissingError: there is none.
        ModelInvalidError: spaCy refuses it, or none of its components finds entities.
    """
    PIPELINE.at(folder)
    import spacy

    with loading(folder):
        pipeline = spacy.load(folder)
        finders = [name for name in pipeline.pipe_names if "doc.ents" in pipeline.get_pipe_meta(name).assigns]
    if not finders:
        raise ModelInvalidError(
            f"{folder}: none of its components ({', '.join(pipeline.pipe_names) or 'it has none'}) finds"
            f" entities; mount {PIPELINE.description}"
        )
    return EntityFinder(pipeline)
