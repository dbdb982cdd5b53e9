"""The pitch of a stretch of sound, by WORLD."""

from __future__ import annotations

from dataclasses import dataclass

from contract.audio import Samples
from contract.media import SAMPLE_RATE

FRAME_MS = 5.0
LOWEST_HZ, HIGHEST_HZ = 65.0, 1000.0
HELD_CENTS = 40.0
"""How far the pitch of a held note strays from its middle; speech glides by more within `HELD_MS`."""
HELD_MS = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pitch:
    """Median in hertz (None without voiced sound), share of voiced time, share of that with a held pitch."""

    median_hz: float | None
    voiced_share: float
    held_share: float


SILENT = Pitch(median_hz=None, voiced_share=0.0, held_share=0.0)


def pitch(samples: Samples) -> Pitch:
    """Return the pitch of `samples`."""
    import numpy as np
    import pyworld

    sound = samples.astype(np.float64)
    rough, times = pyworld.dio(
        sound, SAMPLE_RATE, f0_floor=LOWEST_HZ, f0_ceil=HIGHEST_HZ, frame_period=FRAME_MS
    )
    frequencies = pyworld.stonemask(sound, rough, times, SAMPLE_RATE)
    voiced = frequencies > 0
    if not voiced.any():
        return SILENT
    cents = np.where(voiced, 1200 * np.log2(np.where(voiced, frequencies, 1.0) / LOWEST_HZ), np.nan)
    window = round(HELD_MS / FRAME_MS)
    held = np.zeros(len(cents), dtype=bool)
    if len(cents) >= window:
        views = np.lib.stride_tricks.sliding_window_view(cents, window)
        steady = (views.max(axis=1) - views.min(axis=1)) <= 2 * HELD_CENTS  # false where a frame is unvoiced
        for start in np.flatnonzero(steady):
            held[start : start + window] = True
    return Pitch(
        median_hz=float(np.median(frequencies[voiced])),
        voiced_share=float(voiced.mean()),
        held_share=float(held.sum() / voiced.sum()),
    )
