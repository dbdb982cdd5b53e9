"""Diarization tells a low voice from a high one by small networks, and knows the first again."""

import sys
import warnings
from importlib.util import find_spec

sys.path.extend(["/run/probe/inputs/base-ml", "/run/probe/inputs/base", "/opt/app"])

import numpy as np
from contract.media import SAMPLE_RATE
from contract.speaker import Speakers
from stage_run import StageRun

if find_spec("pyannote"):
    warnings.simplefilter("ignore")  # of what torchaudio is going to drop
    from pyannote_checkpoints import main as save_networks
else:
    from speakers_onnx import main as save_networks

DIARIZER = "pyannote on cpu" if find_spec("pyannote") else "sherpa-onnx on cpu"
VOICES = {(1.0, 3.0): 300, (4.0, 6.0): 4000, (7.0, 9.0): 300}
"""Pitch in hertz by first and last second."""
NEAR_S = 0.1


def main() -> None:
    """Save the networks, and let the stage load them."""
    check = StageRun("diarization")
    model = check.model()
    save_networks(str(model))
    time_s = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    check.sound(
        sum(
            0.3 * np.sin(2 * np.pi * hertz * time_s) * ((time_s >= start_s) & (time_s < end_s))
            for (start_s, end_s), hertz in VOICES.items()
        )
    )
    check.passes("--model", str(model), "--device", "cpu")
    found = check.read(Speakers)
    check.gives("the diarizer", found.diarizer, DIARIZER)
    check.gives("who speaks", [turn.speaker for turn in found.turns], ["S1", "S2", "S1"])
    check.spans("the turns", found.turns, list(VOICES), NEAR_S)
    print(f"{DIARIZER} told two voices apart and knew the first again")


if __name__ == "__main__":
    main()
