"""Collects the names that a film's facts hold, so that speech recognition can expect them."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator

from contract.entity import PIPELINE, EntityFinder, entity_finder
from contract.film import Film
from contract.job import Job
from contract.log import logger
from contract.name import Kind, Name, Names
from contract.stage import Stage, run

ASIDE = re.compile(r"[(\[].*?[)\]]")  # 'Harry Lime (voice)'
UNNAMED = re.compile(r"self|himself|herself|themselves|narrator|various|additional voices?", re.IGNORECASE)

Found = tuple[str, Kind, str]


def pre_ner(job: Job, arguments: argparse.Namespace) -> None:
    """Write every name once, characters first: they are what is said most."""
    film = job.read(Film)
    finder = entity_finder(arguments.model)
    names: dict[str, Name] = {}
    for text, kind, source in (*_from_cast(film), *_from_overview(film.overview, finder)):
        known = names.get(text.casefold())
        if known is None:
            names[text.casefold()] = Name(text=text, kind=kind, sources=(source,))
        elif source not in known.sources:
            names[text.casefold()] = known.model_copy(update={"sources": (*known.sources, source)})
    logger.info("names found", extra={"names": len(names)})
    job.write(Names(names=tuple(names.values())))


def _from_cast(film: Film) -> Iterator[Found]:
    """Yield the names that need no model: characters, the title, actors."""
    for role in film.cast:
        for part in ASIDE.sub("", role.character).split("/"):
            character = " ".join(part.split())
            if character and not UNNAMED.fullmatch(character):
                yield character, Kind.PERSON, "character"
    yield film.title, Kind.WORK, "title"
    for role in film.cast:
        if actor := " ".join(role.actor.split()):
            yield actor, Kind.PERSON, "actor"


def _from_overview(overview: str, finder: EntityFinder) -> Iterator[Found]:
    """Yield the names that the model finds in the overview."""
    for entity in finder(overview):
        yield " ".join(entity.text.split()), entity.kind, "overview"


STAGE = Stage(
    name="pre-ner",
    summary="Collect the names that a film's facts hold, so that speech recognition can expect them.",
    reads=(f"{Film.file_name}  the film's facts",),
    writes=(f"{Names.file_name}  each name once, with its kind and where it was found",),
    model=PIPELINE,
    body=pre_ner,
    limits=("find names in other languages than its model's", "tell two people of one name apart"),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
