"""Looks a heard name up among the names that the film is known to hold."""

from __future__ import annotations

from collections.abc import Iterable

from contract.name import Kind, Name
from rapidfuzz import fuzz, process, utils


class NameIndex:
    """The film's names, whole and, for people, each part of four letters or more.

    Actors are left out: they are seldom spoken of in their own film.
    """

    def __init__(self, names: Iterable[Name]) -> None:
        self._spellings: dict[str, None] = {}
        for name in names:
            if set(name.sources) == {"actor"}:
                continue
            self._spellings[name.text] = None
            if name.kind is Kind.PERSON:
                self._spellings.update(dict.fromkeys(part for part in name.text.split() if len(part) >= 4))

    def nearest(self, heard: str, least: float) -> tuple[str, float] | None:
        """Return the spelling most like `heard` and its similarity, from `least` up to 100; else None.

        A name has as many words as what was heard. One that is already spelled so is its own nearest.
        """
        words = len(heard.split())
        choices = [each for each in self._spellings if len(each.split()) == words]
        if heard in choices:
            return heard, 100.0
        found = process.extractOne(
            heard, choices, scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=least
        )
        return None if found is None else (found[0], round(float(found[1]), 1))
