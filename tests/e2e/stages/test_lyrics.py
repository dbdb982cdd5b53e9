"""Lyrics-detection on a synthetic song and on real speech."""

import math

import pytest
from contract.lyrics import Lyrics
from contract.transcript import Line, Transcript

from tests.e2e.stages.conftest import RATE, Bench

pytestmark = pytest.mark.engine

NOTES_HZ = (220.0, 246.9, 277.2, 220.0, 329.6, 277.2, 246.9, 220.0)
BEAT_S = 0.5


def song() -> list[float]:
    """One held note of eight overtones a beat, with a soft start and end."""
    samples: list[float] = []
    for hertz in NOTES_HZ:
        length = round(BEAT_S * RATE)
        for index in range(length):
            loud = min(1.0, index / 400, (length - index) / 1600)
            tone = sum(math.sin(2 * math.pi * hertz * n * index / RATE) / n for n in range(1, 9))
            samples.append(0.2 * loud * tone)
    return samples


def test_held_notes_on_a_beat_are_sung(bench: Bench) -> None:
    samples = song()
    bench.sound([*samples, *[0.0] * RATE])
    sung_s = len(samples) / RATE
    lines = (
        Line(start_s=0, end_s=sung_s, text="la la la"),
        Line(start_s=sung_s + 0.2, end_s=sung_s + 0.9, text="nothing"),
    )
    bench.write(Transcript(recognizer="r", language="en", lines=lines))
    bench.passes("lyrics-detection")
    sung, silent = bench.read(Lyrics).lines
    assert sung.sung
    assert sung.held_share > 0.8
    assert sung.pitch_hz == pytest.approx(246.9, rel=0.02)
    assert sung.tempo_bpm == pytest.approx(60 / BEAT_S, rel=0.05)
    assert not silent.sung
    assert (silent.pitch_hz, silent.score) == (None, 0.0)


def test_speech_is_not_sung(bench: Bench) -> None:
    bench.speech("flite=text='Good evening mister Lime. How are you today. I am told you are dead':voice=rms")
    length_s = len(bench.samples()) / RATE
    line = Line(start_s=0, end_s=length_s, text="Good evening")
    bench.write(Transcript(recognizer="r", language="en", lines=(line,)))
    bench.passes("lyrics-detection")
    (spoken,) = bench.read(Lyrics).lines
    assert not spoken.sung
    assert spoken.pitch_hz is not None
    assert 60 < spoken.pitch_hz < 300
    bench.passes("lyrics-detection", "--threshold", "0")
    assert bench.read(Lyrics).lines[0].sung
