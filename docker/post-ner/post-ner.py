"""Corrects misheard names in the text against the names that the film is known to hold."""

from __future__ import annotations

import argparse
import re
import sys
from itertools import pairwise

from contract.correction import Change, Correction
from contract.entity import PIPELINE, EntityFinder, entity_finder
from contract.job import Job
from contract.log import logger
from contract.name import Names
from contract.stage import Stage, run
from contract.transcript import Transcript
from contract.translation import Translation
from name_index import NameIndex

WORD = re.compile(r"[^\W\d_](?:[\w'-]*\w)?")
LONGEST = 4
"""Words of the longest run of capitalised words that is tried."""


def post_ner(job: Job, arguments: argparse.Namespace) -> None:
    """Write the lines, and their translation where there is one, with their names corrected."""
    names, transcript, translation = job.read(Names), job.read(Transcript), job.find(Translation)
    if translation is not None:
        translation.belongs_to(transcript)
    finder = entity_finder(arguments.model)
    index = NameIndex(names.names)
    changes: list[Change] = []

    def corrected(text: str, line: int, which: str) -> str:
        text, found = correct(text, finder, index, arguments.similarity)
        changes.extend(
            Change(line=line, text=which, before=before, after=after, similarity=similarity)
            for before, after, similarity in found
        )
        return text

    lines = tuple(
        line.model_copy(update={"text": corrected(line.text, number, "original")})
        for number, line in enumerate(transcript.lines)
    )
    translated = translation and tuple(
        corrected(text, number, "translated") for number, text in enumerate(translation.texts)
    )
    logger.info("names corrected", extra={"changes": len(changes)})
    job.write(
        Correction(
            language=transcript.language,
            lines=lines,
            target_language=translation and translation.target_language,
            translated=translated,
            changes=tuple(changes),
        )
    )


def correct(
    text: str, finder: EntityFinder, index: NameIndex, least: float
) -> tuple[str, list[tuple[str, str, float]]]:
    """Return `text` with its names spelled as in `index`, and each change with its similarity.

    Tried are the entities that the model finds, then capitalised words, longer runs first.
    """
    entities = [(entity.start, entity.end) for entity in finder(text)]
    known: list[tuple[int, int, str, float]] = []
    for start, end in (*entities, *_capitalised(text)):
        if any(start < other_end and other_start < end for other_start, other_end, *_ in known):
            continue
        nearest = index.nearest(text[start:end], least)
        if nearest is not None:
            known.append((start, end, *nearest))

    changes: list[tuple[str, str, float]] = []
    for start, end, name, similarity in sorted(known, reverse=True):  # from the right: places stay true
        if name != text[start:end]:
            changes.insert(0, (text[start:end], name, similarity))
            text = text[:start] + name + text[end:]
    return text, changes


def _capitalised(text: str) -> list[tuple[int, int]]:
    """Return where runs of capitalised words stand, longer ones first: names that the model may not know."""
    words = [match.span() for match in WORD.finditer(text) if match.group()[0].isupper()]
    runs: list[tuple[int, int]] = []
    for length in range(LONGEST, 0, -1):
        for index in range(len(words) - length + 1):
            run_ = words[index : index + length]
            if all(text[left[1] : right[0]].isspace() for left, right in pairwise(run_)):
                runs.append((run_[0][0], run_[-1][1]))
    return runs


def options(parser: argparse.ArgumentParser) -> None:
    """Add the stage's own options."""
    parser.add_argument(
        "--similarity",
        type=float,
        default=82.0,
        metavar="0-100",
        help="how alike a heard name and its correction are at least (82)",
    )


STAGE = Stage(
    name="post-ner",
    summary="Correct misheard names in the text against the names that the film is known to hold.",
    reads=(
        f"{Transcript.file_name}  what is said",
        f"{Translation.file_name}  optional: the same in another language",
        f"{Names.file_name}  the names",
    ),
    writes=(f"{Correction.file_name}  both with their names corrected, and every change",),
    model=PIPELINE,
    options=options,
    body=post_ner,
    limits=(
        "correct by sound: it compares spellings",
        "correct a name that was heard as another number of words",
        "correct the single words of a line: only its text",
    ),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
