"""The rhythm of a stretch of sound, by librosa."""

from __future__ import annotations

from dataclasses import dataclass

from contract.audio import Samples
from contract.media import SAMPLE_RATE

HOP = 256
SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0
SHORTEST_S = 2 * 60 / SLOWEST_BPM
"""Less sound than two of the slowest beats has no rhythm that could be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """Beats a minute (None: none could be told) and how regular the onsets are, from 0 to 1."""

    tempo_bpm: float | None
    pulse: float


NO_RHYTHM = Rhythm(tempo_bpm=None, pulse=0.0)


def rhythm(samples: Samples) -> Rhythm:
    """Return the rhythm of `samples`: the strongest period in the autocorrelation of its onsets."""
    if len(samples) < SHORTEST_S * SAMPLE_RATE:
        return NO_RHYTHM
    import librosa
    import numpy as np

    onsets = librosa.onset.onset_strength(y=samples, sr=SAMPLE_RATE, hop_length=HOP)
    onsets = onsets - onsets.mean()
    power = float(np.dot(onsets, onsets))
    if power <= 0:
        return NO_RHYTHM
    similarity = librosa.autocorrelate(onsets) / power
    frames_a_minute = 60 * SAMPLE_RATE / HOP
    first, last = round(frames_a_minute / FASTEST_BPM), round(frames_a_minute / SLOWEST_BPM)
    periods = similarity[first : last + 1]
    best = int(np.argmax(periods))
    return Rhythm(
        tempo_bpm=float(frames_a_minute / (first + best)), pulse=float(np.clip(periods[best], 0.0, 1.0))
    )
