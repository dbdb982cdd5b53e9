"""Says who speaks when."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec

from contract.audio import read_samples
from contract.device import chosen_device, device_option
from contract.job import Job
from contract.log import logger
from contract.media import SAMPLE_RATE
from contract.model import Model
from contract.span import Span, intersection
from contract.speaker import Speakers, renamed
from contract.speech import Voice
from contract.stage import Stage, run
from pyannote_pipeline import CONFIG, pyannote_turns
from sherpa import EMBEDDING, SEGMENTATION, sherpa_turns

HAS_TORCH = find_spec("torch") is not None
MODEL = Model(
    path="/models/diarization",
    files=(CONFIG,) if HAS_TORCH else (SEGMENTATION, EMBEDDING),
    description="a pyannote 3.1 pipeline whose config.yaml names its checkpoints by path"
    if HAS_TORCH
    else "pyannote segmentation 3.0 and a speaker embedding, both exported for sherpa-onnx",
)


def diarization(job: Job, arguments: argparse.Namespace) -> None:
    """Write each speaker's turns, within the spans of speech where these are known."""
    samples, voice = read_samples(job), job.find(Voice)
    folder = MODEL.at(arguments.model)
    device = chosen_device(arguments.device)
    if HAS_TORCH:
        found = pyannote_turns(folder, samples, arguments.speakers, device)
    else:
        found = sherpa_turns(folder, samples, arguments.speakers, arguments.threshold)
    # The last window of sound reaches beyond its end.
    within = voice.spans if voice is not None else (Span(start_s=0, end_s=len(samples) / SAMPLE_RATE),)
    found = [(part, label) for span, label in found for part in intersection([span], within)]
    turns = renamed(found)
    logger.info("speakers found", extra={"speakers": len({turn.speaker for turn in turns}), "device": device})
    job.write(Speakers(diarizer=f"{'pyannote' if HAS_TORCH else 'sherpa-onnx'} on {device}", turns=turns))


def options(parser: argparse.ArgumentParser) -> None:
    """Add the stage's own options."""
    parser.add_argument("--speakers", type=int, metavar="N", help="how many there are (found out)")
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.5,
        metavar="DISTANCE",
        help="how far two voices lie apart at least (0.5; CPU variant only)",
    )
    device_option(parser)


STAGE = Stage(
    name="diarization",
    summary="Say who speaks when.",
    reads=("media.json and the sound it names", f"{Voice.file_name}  optional: where to look"),
    writes=(f"{Speakers.file_name}  turns of S1, S2, …",),
    model=MODEL,
    options=options,
    body=diarization,
    limits=(
        "name the speakers",
        "know a speaker again in another film",
        "promise to work on a GPU: that path has been run on a CPU only",
    ),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
