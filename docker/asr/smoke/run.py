"""Asr recognises with a tiny Whisper: each stretch of speech at its place, by its speaker, by words."""

import sys

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

import numpy as np
from contract.media import SAMPLE_RATE
from contract.span import Span
from contract.speaker import Speakers, Turn
from contract.speech import Voice
from contract.transcript import Transcript
from stage_run import StageRun
from whisper_ct2 import SENTENCE
from whisper_ct2 import main as save_whisper

STARTS_S = (1.0, 35.0)
WORD_S = 0.2


def main() -> None:
    """Save the model, and let the stage load it."""
    spans = tuple(Span(start_s=start_s, end_s=start_s + 2) for start_s in STARTS_S)
    speakers = Speakers(diarizer="d", turns=(Turn(start_s=34, end_s=38, speaker="S2"),))
    check = StageRun("asr", Voice(detector="d", spans=spans), speakers)
    model = check.model()
    save_whisper(str(model))
    check.sound(np.zeros(40 * SAMPLE_RATE))
    check.passes("--model", str(model), "--device", "cpu", "--language", "en", "--words")
    found = check.read(Transcript)
    check.gives("who recognised", (found.recognizer, found.language), ("faster-whisper on cpu", "en"))
    text = " ".join(SENTENCE)
    check.gives(
        "the lines", [(line.text, line.speaker) for line in found.lines], [(text, None), (text, "S2")]
    )
    for line, start_s in zip(found.lines, STARTS_S, strict=True):
        check.gives("the words", tuple(word.text for word in line.words), SENTENCE)
        times = [(start_s + index * WORD_S, start_s + (index + 1) * WORD_S) for index in range(len(SENTENCE))]
        check.spans("the times of the words", line.words, times, 0.06)
    print(f"'{text}' was recognised twice, with the time of each word")


if __name__ == "__main__":
    main()
