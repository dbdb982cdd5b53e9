"""What is said, in another language."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from contract.document import Document
from contract.error import InputError
from contract.transcript import Transcript


class Translation(Document):
    """One text for each line of the transcript, in its order."""

    file_name: ClassVar[str] = "translation.json"
    written_by: ClassVar[str] = "second-pass-translation"

    translator: str
    source_language: str = Field(min_length=2)
    target_language: str = Field(min_length=2)
    texts: tuple[str, ...] = ()

    def belongs_to(self, transcript: Transcript) -> None:
        """Check that this translates `transcript`.

        Raises:
            InputError: it has another number of lines.
        """
        if len(self.texts) != len(transcript.lines):
            raise InputError(
                f"{self.file_name} translates {len(self.texts)} lines but {transcript.file_name} has"
                f" {len(transcript.lines)}; run {self.written_by} again"
            )
