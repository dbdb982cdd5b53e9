"""Tells sung lines from spoken ones by pitch and rhythm. Both variants run the same code, on the CPU."""

from __future__ import annotations

import argparse
import math
import sys

from contract.audio import Samples, read_samples
from contract.job import Job
from contract.log import logger
from contract.lyrics import Lyrics, Singing
from contract.media import SAMPLE_RATE
from contract.stage import Stage, run
from contract.transcript import Line, Transcript
from pitch import SILENT, Pitch, pitch
from rhythm import NO_RHYTHM, Rhythm, rhythm


def lyrics_detection(job: Job, arguments: argparse.Namespace) -> None:
    """Write pitch, rhythm and verdict of every line."""
    samples, transcript = read_samples(job), job.read(Transcript)
    lines = tuple(singing(line, samples, arguments.threshold) for line in transcript.lines)
    logger.info("lines heard", extra={"lines": len(lines), "sung": sum(line.sung for line in lines)})
    job.write(Lyrics(threshold=arguments.threshold, lines=lines))


def singing(line: Line, samples: Samples, threshold: float) -> Singing:
    """Return how one line sounds."""
    part = samples[round(line.start_s * SAMPLE_RATE) : round(line.end_s * SAMPLE_RATE)]
    if len(part) < SAMPLE_RATE // 20:
        tone, beat = SILENT, NO_RHYTHM
    else:
        tone, beat = pitch(part), rhythm(part)
    likelihood = score(tone, beat)
    return Singing(
        start_s=line.start_s,
        end_s=line.end_s,
        pitch_hz=tone.median_hz and round(tone.median_hz, 2),
        voiced_share=round(tone.voiced_share, 4),
        held_share=round(tone.held_share, 4),
        tempo_bpm=beat.tempo_bpm and round(beat.tempo_bpm, 1),
        pulse=round(beat.pulse, 4),
        score=round(likelihood, 4),
        sung=likelihood >= threshold,
    )


def score(tone: Pitch, beat: Rhythm) -> float:
    """Return from 0 to 1 how much a line sounds like singing.

    Singers hold their notes, voice most of a line and keep a beat; held notes weigh most, for a reader keeps
    a beat, too. The weights are set by hand.
    """
    if tone.median_hz is None:
        return 0.0
    weight = 7.0 * (tone.held_share - 0.55) + 2.0 * (tone.voiced_share - 0.6) + 1.0 * (beat.pulse - 0.3)
    return 1 / (1 + math.exp(-weight))


def options(parser: argparse.ArgumentParser) -> None:
    """Add the stage's own options."""
    parser.add_argument(
        "--threshold", type=float, default=0.5, metavar="0-1", help="least score of a sung line (0.5)"
    )


STAGE = Stage(
    name="lyrics-detection",
    summary="Tell sung lines from spoken ones by their pitch and rhythm; no model, weights set by hand.",
    reads=("media.json and the sound it names", f"{Transcript.file_name}  the lines"),
    writes=(f"{Lyrics.file_name}  pitch, rhythm and verdict of each line",),
    options=options,
    body=lyrics_detection,
    limits=(
        "hear a voice through loud music: the strongest pitch wins",
        "know rap or recitation as sung",
        "use a GPU",
    ),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
