"""Writes the text of a film as SRT, WebVTT and ASS subtitles."""

from __future__ import annotations

import argparse
import html
import sys
from collections.abc import Sequence

import pysubs2
from contract.correction import Correction
from contract.error import InputError
from contract.job import Job
from contract.log import logger
from contract.lyrics import Lyrics
from contract.span import Span
from contract.stage import Stage, run
from contract.subtitle import Format, SubtitleFile, Subtitles
from contract.transcript import Transcript
from contract.translation import Translation
from cue import Cue, cues, unhurried

TEXTS = ("auto", "original", "translated")
SUNG = "Sung"
PLAIN = str.maketrans({"{": "(", "}": ")", "\\": "/"})
"""ASS, in which pysubs2 holds all text, reads these as commands; players agree on no escape."""


def subtitle_gen(job: Job, arguments: argparse.Namespace) -> None:
    """Write one file of each format and what they are."""
    spans, texts, language = _text(job, arguments.text)
    sung = _sung(job, len(spans))
    found = [
        cue
        for span, text, is_sung in zip(spans, texts, sung, strict=True)
        for cue in cues(span, text, sung=is_sung)
    ]
    found = unhurried(sorted(found, key=lambda cue: (cue.start_s, cue.end_s)))
    files: list[SubtitleFile] = []
    for format_ in Format:
        name = f"subtitles.{format_.value}"
        with job.new_file(name) as path:
            path.write_text(_rendered(found, format_), encoding="utf-8")
        files.append(SubtitleFile(format=format_, file=name))
    job.write(Subtitles(language=language, cues=len(found), files=tuple(files)))


def _text(job: Job, wanted: str) -> tuple[Sequence[Span], Sequence[str], str]:
    """Return spans, texts and language of the best text there is: corrected before raw, translated first."""
    correction = job.find(Correction)
    if correction is not None:
        if wanted != "original" and correction.translated is not None and correction.target_language:
            return correction.lines, correction.translated, correction.target_language
        if wanted != "translated":
            return correction.lines, [line.text for line in correction.lines], correction.language
    transcript = job.read(Transcript)
    translation = job.find(Translation)
    if wanted != "original" and translation is not None:
        translation.belongs_to(transcript)
        return transcript.lines, translation.texts, translation.target_language
    if wanted == "translated":
        raise InputError(f"{job.folder}: holds no translation; run second-pass-translation first")
    return transcript.lines, [line.text for line in transcript.lines], transcript.language


def _sung(job: Job, lines: int) -> list[bool]:
    """Return which lines are sung; where lyrics-detection has not run, none."""
    lyrics = job.find(Lyrics)
    if lyrics is None:
        logger.info("no lyrics", extra={"missing": Lyrics.file_name})
        return [False] * lines
    if len(lyrics.lines) != lines:
        raise InputError(
            f"{Lyrics.file_name} has {len(lyrics.lines)} lines and the text {lines};"
            " run lyrics-detection again"
        )
    return [line.sung for line in lyrics.lines]


def _rendered(found: list[Cue], format_: Format) -> str:
    """Return the whole file. Sung lines stand between notes, and in ASS in italics."""
    subtitles = pysubs2.SSAFile()
    subtitles.styles[SUNG] = pysubs2.SSAStyle(italic=True)
    for cue in found:
        text = (f"♪ {cue.text} ♪" if cue.sung else cue.text).translate(PLAIN)
        if format_ is Format.VTT:
            text = html.escape(text, quote=False)  # WebVTT reads < and & as markup
        event = pysubs2.SSAEvent(
            start=pysubs2.make_time(s=cue.start_s),
            end=pysubs2.make_time(s=cue.end_s),
            style=SUNG if cue.sung and format_ is Format.ASS else "Default",
        )
        event.text = text.replace("\n", r"\N")
        subtitles.append(event)
    return subtitles.to_string(format_.value)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the stage's own options."""
    parser.add_argument(
        "--text", choices=TEXTS, default="auto", help="which text (auto: translated, where there is one)"
    )


STAGE = Stage(
    name="subtitle-gen",
    summary="Write the text of a film as SRT, WebVTT and ASS subtitles.",
    reads=(
        f"{Correction.file_name}, or {Transcript.file_name} and {Translation.file_name}",
        f"{Lyrics.file_name}  optional: which lines are sung",
    ),
    writes=(
        *(f"subtitles.{each.value}" for each in Format),
        f"{Subtitles.file_name}  the files and the language",
    ),
    options=options,
    body=subtitle_gen,
    limits=(
        "move cues to shot changes",
        "show two speakers on one screen",
        "write braces and backslashes: they become ( ) /",
    ),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
