"""The rhythm of a stretch of sound: where its mel bands rise, and how regularly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contract.audio import Samples
from contract.media import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

HOP, WINDOW, BANDS = 256, 1024, 64
FLOOR_DB = 80.0
"""What lies further below the loudest band counts as silence."""
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
    import numpy as np

    rises = onsets(samples)
    rises = rises - rises.mean()
    power = float(np.dot(rises, rises))
    if power <= 0:
        return NO_RHYTHM
    similarity = np.correlate(rises, rises, mode="full")[len(rises) - 1 :] / power
    frames_a_minute = 60 * SAMPLE_RATE / HOP
    first, last = round(frames_a_minute / FASTEST_BPM), round(frames_a_minute / SLOWEST_BPM)
    periods = similarity[first : last + 1]
    best = int(np.argmax(periods))
    return Rhythm(
        tempo_bpm=float(frames_a_minute / (first + best)), pulse=float(np.clip(periods[best], 0.0, 1.0))
    )


def onsets(samples: Samples) -> npt.NDArray[np.float64]:
    """Return for each `HOP` samples how much the mel bands rise, in decibels, on the mean.

    The measure of `librosa.onset.onset_strength`, which is not called: its import compiles functions that are
    not needed here, for twenty seconds in a container whose cache folder is empty.
    """
    import librosa.filters
    import numpy as np

    filters = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=WINDOW, n_mels=BANDS)
    padded = np.pad(samples.astype(np.float64), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW)
    bands = np.abs(np.fft.rfft(frames, axis=1)) ** 2 @ filters.T
    decibels = 10 * np.log10(np.maximum(bands, 1e-10))
    decibels = np.maximum(decibels, decibels.max() - FLOOR_DB)
    return np.asarray(np.maximum(np.diff(decibels, axis=0), 0.0).mean(axis=1))
