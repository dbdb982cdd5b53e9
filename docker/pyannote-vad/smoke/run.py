"""Pyannote-vad hears loud stretches by a small network, and keeps of them what the first pass heard, too."""

import sys
import warnings
from importlib.util import find_spec

sys.path.extend(["/run/probe/inputs/base-ml", "/run/probe/inputs/base", "/opt/app"])

import numpy as np
from contract.media import SAMPLE_RATE
from contract.span import Span
from contract.speech import Speech, Voice
from stage_run import StageRun

if find_spec("pyannote"):
    warnings.simplefilter("ignore")  # of what torchaudio is going to drop
    from pyannote_checkpoints import main as save_networks
else:
    from speakers_onnx import main as save_networks

LOUD = [(1.0, 3.0), (8.0, 10.0)]
FIRST_PASS = Speech(detector="d", spans=(Span(start_s=0, end_s=9),))
NEAR_S = 0.06


def main() -> None:
    """Save the network, and let the stage load it."""
    check = StageRun("pyannote-vad", FIRST_PASS)
    model = check.model()
    save_networks(str(model))
    time_s = np.arange(12 * SAMPLE_RATE) / SAMPLE_RATE
    loud = sum((time_s >= start_s) & (time_s < end_s) for start_s, end_s in LOUD)
    check.sound(0.3 * np.sin(2 * np.pi * 300 * time_s) * loud)
    check.passes("--model", str(model), "--device", "cpu")
    voice = check.read(Voice)
    check.gives("the detector", voice.detector, "pyannote segmentation on cpu")
    check.spans("what both passes heard", voice.spans, [(1.0, 3.0), (8.0, 9.0)], NEAR_S)
    print(
        f"speech was heard from {voice.spans[0].start_s} to {voice.spans[0].end_s} s and from "
        f"{voice.spans[1].start_s} to {voice.spans[1].end_s} s"
    )


if __name__ == "__main__":
    main()
