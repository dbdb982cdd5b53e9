"""Lyrics-detection hears a made-up song: eight held notes on a beat, and then nothing."""

import sys

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

import numpy as np
from contract.lyrics import Lyrics
from contract.media import SAMPLE_RATE
from contract.transcript import Line, Transcript
from stage_run import StageRun

NOTES_HZ = (220.0, 246.9, 277.2, 220.0, 329.6, 277.2, 246.9, 220.0)
BEAT_S = 0.5
SONG_S = BEAT_S * len(NOTES_HZ)
LINES = (
    Line(start_s=0, end_s=SONG_S, text="la la la"),
    Line(start_s=SONG_S + 0.2, end_s=SONG_S + 0.9, text="?"),
)


def main() -> None:
    """Let the stage hear the song: one note of eight overtones a beat, with a soft start and end."""
    check = StageRun("lyrics-detection", Transcript(recognizer="r", language="en", lines=LINES))
    place = np.arange(round(BEAT_S * SAMPLE_RATE))
    swell = np.minimum(1.0, np.minimum(place / 400, (len(place) - place) / 1600))
    notes = [
        0.2 * swell * sum(np.sin(2 * np.pi * hertz * n * place / SAMPLE_RATE) / n for n in range(1, 9))
        for hertz in NOTES_HZ
    ]
    check.sound(np.concatenate([*notes, np.zeros(SAMPLE_RATE)]))
    check.passes()
    lines = check.read(Lyrics).lines
    check.gives("which lines are sung", [line.sung for line in lines], [True, False])
    song, silence = lines
    check.gives("the pitch of silence", silence.pitch_hz, None)
    check.holds(f"its pitch, {song.pitch_hz} Hz, is about 247 Hz", abs((song.pitch_hz or 0) - 246.9) < 5)
    beats = song.tempo_bpm or 0
    check.holds(f"its tempo, {beats} beats a minute, is about 120", abs(beats - 60 / BEAT_S) < 6)
    print(f"a song at {song.pitch_hz} Hz and {song.tempo_bpm} beats a minute is sung, silence is not")


if __name__ == "__main__":
    main()
