"""A made-up voice: a buzz through the resonances of vowels, twelve syllables in three seconds."""

import numpy as np
import numpy.typing as npt
from contract.media import SAMPLE_RATE
from scipy.signal import lfilter

Sound = npt.NDArray[np.float64]
VOWELS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
"""The first three formants in hertz. Source: Peterson and Barney, 1952, means of men."""
WIDTHS_HZ = (80, 90, 120)
SPOKEN = "aeioua" * 2
SYLLABLE_S, PITCH_HZ = 0.25, 140.0


def voice() -> Sound:
    """Return the sound, from -1 to 1."""
    random = np.random.default_rng(7)
    length = round(SYLLABLE_S * SAMPLE_RATE)
    place = np.arange(length) / length
    syllables, turns = list[Sound](), 0.0
    for index, vowel in enumerate(SPOKEN):
        melody = 1 + 0.15 * np.sin(3 * np.pi * index / len(SPOKEN)) + 0.08 * np.sin(np.pi * place)
        phase = turns + np.cumsum(PITCH_HZ * melody / SAMPLE_RATE)
        pulses = np.diff(np.floor(phase), prepend=np.floor(turns))
        turns = phase[-1]
        sound = lfilter([1], [1, -0.95], pulses) + 0.01 * random.standard_normal(length)
        for formant_hz, width_hz in zip(VOWELS[vowel], WIDTHS_HZ, strict=True):
            sound = _resonance(sound, formant_hz, width_hz)
        sound = np.diff(sound, prepend=0.0)
        swell = 0.05 + 0.95 * np.minimum(1, np.minimum(place / 0.2, (1 - place) / 0.3))
        consonant = 0.02 * np.diff(random.standard_normal(length), prepend=0.0) * (place < 0.15)
        syllables.append(0.5 * sound / np.abs(sound).max() * swell + consonant)
    return np.concatenate(syllables)


def _resonance(sound: Sound, formant_hz: float, width_hz: float) -> Sound:
    decay = np.exp(-np.pi * width_hz / SAMPLE_RATE)
    turn = 2 * decay * np.cos(2 * np.pi * formant_hz / SAMPLE_RATE)
    return np.asarray(lfilter([1 - turn + decay**2], [1, -turn, decay**2], sound))
