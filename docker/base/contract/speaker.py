"""Who speaks when."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from contract.document import Document
from contract.span import Span, in_order, overlap_s


class Turn(Span):
    """One speaker's time. Turns of different speakers may overlap."""

    speaker: str = Field(min_length=1)


class Speakers(Document):
    """All turns, by start time. Speakers are called S1, S2, … as they are first heard."""

    file_name: ClassVar[str] = "speakers.json"
    written_by: ClassVar[str] = "diarization"

    diarizer: str
    turns: tuple[Turn, ...] = ()

    @model_validator(mode="after")
    def _turns_stand_in_order(self) -> Self:
        in_order(self.turns)
        return self

    def during(self, span: Span) -> str | None:
        """Return who speaks longest in `span`; nobody: None."""
        shares: dict[str, float] = {}
        for turn in self.turns:
            shares[turn.speaker] = shares.get(turn.speaker, 0.0) + overlap_s(turn, span)
        speaker = max(shares, key=lambda each: shares[each], default=None)
        return speaker if speaker is not None and shares[speaker] > 0 else None


def renamed(turns: list[tuple[Span, str]]) -> tuple[Turn, ...]:
    """Return `turns` by start time, their labels replaced by S1, S2, … in the order they are first heard."""
    names: dict[str, str] = {}
    ordered = sorted(turns, key=lambda each: (each[0].start_s, each[0].end_s, each[1]))
    return tuple(
        Turn(start_s=span.start_s, end_s=span.end_s, speaker=names.setdefault(label, f"S{len(names) + 1}"))
        for span, label in ordered
    )
