"""Refines where somebody speaks, with pyannote's segmentation network.

The CPU variant runs the network as ONNX, the GPU variant (which has pyannote.audio) from its checkpoint.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from contract.activity import active_spans
from contract.audio import Samples, read_samples
from contract.device import chosen_device, device_option
from contract.job import Job
from contract.log import logger
from contract.media import SAMPLE_RATE
from contract.model import Model
from contract.span import Span, intersection, union
from contract.speech import Speech, Voice
from contract.stage import Stage, run

HAS_TORCH = find_spec("torch") is not None
FILE = "pytorch_model.bin" if HAS_TORCH else "model.onnx"
MODEL = Model(
    path="/models/pyannote-segmentation",
    files=(FILE,),
    description=f"pyannote segmentation 3.0 ({'its checkpoint' if HAS_TORCH else 'its ONNX export'})",
)
SHORTEST_S = 0.1


def pyannote_vad(job: Job, arguments: argparse.Namespace) -> None:
    """Write where somebody speaks."""
    samples, speech = read_samples(job), job.find(Speech)
    path = MODEL.at(arguments.model) / FILE
    device = chosen_device(arguments.device)
    spans = _spans(path, samples, device, arguments.threshold)
    whole = Span(start_s=0, end_s=len(samples) / SAMPLE_RATE)
    spans = intersection(spans, [whole])  # the last window reaches beyond the end
    if speech is not None and arguments.combine == "both":
        spans = intersection(spans, speech.spans)
    elif speech is not None and arguments.combine == "either":
        spans = union([*spans, *speech.spans])
    logger.info("speech found", extra={"spans": len(spans), "device": device})
    job.write(Voice(detector=f"pyannote segmentation on {device}", spans=tuple(spans)))


def _spans(path: Path, samples: Samples, device: str, threshold: float) -> list[Span]:
    if HAS_TORCH:
        from torch_segmentation import torch_spans

        return torch_spans(path, samples, device, SHORTEST_S)
    from onnx_segmentation import Segmentation

    network = Segmentation(path)
    return active_spans(
        network.scores(samples).tolist(),
        step_s=network.step_s,
        length_s=len(samples) / SAMPLE_RATE,
        onset=threshold,
        offset=threshold,
        min_active_s=SHORTEST_S,
        pad_s=0.0,
    )


def options(parser: argparse.ArgumentParser) -> None:
    """Add the stage's own options."""
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.5,
        metavar="0-1",
        help="least probability (0.5; only in the CPU variant)",
    )
    parser.add_argument(
        "--combine",
        choices=("both", "either", "alone"),
        default="both",
        help=f"with {Speech.file_name}: where both hear speech, either, or pyannote alone (both)",
    )
    device_option(parser)


STAGE = Stage(
    name="pyannote-vad",
    summary="Refine where somebody speaks with pyannote's segmentation network.",
    reads=("media.json and the sound it names", f"{Speech.file_name}  optional: the first pass"),
    writes=(f"{Voice.file_name}  spans that hold speech",),
    model=MODEL,
    options=options,
    body=pyannote_vad,
    limits=(
        "set another threshold in the GPU variant: the network's classes decide there",
        "promise to work on a GPU: that path has been run on a CPU only",
    ),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
