"""A real run of a stage in a check: its own program on a job, its documents by the contract of the image.

In every image under check it is at /run/probe/inputs/base/, and the contract package at /opt/app/. What is
not as it should be ends the run with one sentence on stderr and exit status 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from contract.document import Document
from contract.error import StageError
from contract.job import Job
from contract.media import SAMPLE_RATE, AudioTrack, Media
from contract.span import Span

D = TypeVar("D", bound=Document)
APP = Path("/opt/app")
LINES = 20
"""Lines of a stage's output that are told where it fails."""


class StageRun:
    """A stage and its job, a folder below the current one, which a check gives every run anew."""

    def __init__(self, stage: str, *documents: Document) -> None:
        """Make the job of `stage`, with `documents` in it."""
        self.stage = stage
        self.folder = Path.cwd() / "job"
        self.folder.mkdir(exist_ok=True)
        self.job = Job(self.folder)
        for document in documents:
            self.job.write(document)

    def sound(self, samples: Iterable[float]) -> None:
        """Write `samples` (16,000 a second, from -1 to 1) as demux would."""
        values = array("h", (round(32767 * max(-1.0, min(1.0, float(each)))) for each in samples))
        with wave.open(str(self.folder / "audio.wav"), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE, len(values), "NONE", ""))
            file.writeframes(values.tobytes())
        track = AudioTrack(file="audio.wav", samples=len(values), source_codec="pcm_s16le")
        self.job.write(Media(source="film.wav", duration_s=len(values) / SAMPLE_RATE, audio=track))

    def model(self) -> Path:
        """Return an empty folder for a model."""
        folder = Path.cwd() / "model"
        folder.mkdir()
        return folder

    def passes(self, *args: str, program: Path | None = None, env: dict[str, str] | None = None) -> None:
        """Run the stage with the image's own Python, as the entrypoint does; it has to succeed.

        `program` is started in its place, with the same words.
        """
        argv = [sys.executable, str(program or APP / f"{self.stage}.py"), "--job", str(self.folder), *args]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, env={**os.environ, **(env or {})}
        )
        if done.returncode:
            last = "\n".join(done.stderr.splitlines()[-LINES:])
            fail(f"{self.stage} ended with {done.returncode}: {_reason(done.stderr)}\n{last}")

    def read(self, kind: type[D]) -> D:
        """Return a document that the stage has written, checked."""
        try:
            return self.job.read(kind)
        except StageError as error:
            fail(f"{self.stage} wrote no {kind.file_name} that can be read: {error}")

    def gives(self, what: str, found: object, wanted: object) -> None:
        """Say so and end where the stage's work is not what it has to be."""
        if found != wanted:
            fail(f"{self.stage}: {what} should be {wanted!r}; it is {found!r}")

    def holds(self, what: str, so: bool) -> None:
        """Say so and end where `what` is not so."""
        if not so:
            fail(f"{self.stage}: it is not so that {what}")

    def spans(
        self, what: str, found: Sequence[Span], wanted: Sequence[tuple[float, float]], near_s: float
    ) -> None:
        """Say so and end where spans are not `wanted`, each end within `near_s` seconds."""
        ends = [(each.start_s, each.end_s) for each in found]
        pairs = zip(ends, wanted, strict=False)
        if len(ends) != len(wanted) or not all(
            abs(ours - theirs) <= near_s for pair in pairs for ours, theirs in zip(*pair, strict=True)
        ):
            fail(f"{self.stage}: {what} should be {list(wanted)} (within {near_s:g} s); it is {ends}")


def fail(why: str) -> NoReturn:
    """End the run, which has failed."""
    sys.exit(why)


def _reason(log: str) -> str:
    """Return why a stage says that it failed; see contract.stage."""
    for line in reversed(log.splitlines()):
        if line.startswith("{"):
            return str(json.loads(line).get("reason", "it gives no reason"))
    return "it gives no reason"
