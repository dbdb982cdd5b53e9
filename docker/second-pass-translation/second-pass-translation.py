"""Translates the recognised text with a Marian (opus-mt) model."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec

from contract.device import chosen_device, device_option
from contract.job import Job
from contract.log import logger
from contract.model import Model
from contract.stage import Stage, run
from contract.transcript import Transcript
from contract.translation import Translation
from marian import FILES as TORCH_FILES
from marian import marian_texts
from marian_ct2 import FILES as CT2_FILES
from marian_ct2 import ct2_texts

HAS_TORCH = find_spec("torch") is not None
MODEL = Model(
    path="/models/translation",
    files=TORCH_FILES if HAS_TORCH else CT2_FILES,
    description="a Marian model (opus-mt) "
    + ("as transformers saves it" if HAS_TORCH else "converted for CTranslate2"),
)


def second_pass_translation(job: Job, arguments: argparse.Namespace) -> None:
    """Write one text for each line of the transcript; lines without words stay empty."""
    transcript = job.read(Transcript)
    folder = MODEL.at(arguments.model)
    device = chosen_device(arguments.device)
    texts = [" ".join(line.text.split()) for line in transcript.lines]
    spoken = [text for text in texts if text]
    translate = marian_texts if HAS_TORCH else ct2_texts
    answers = translate(folder, spoken, transcript.language, arguments.beam, device) if spoken else []
    translated = iter(answers)
    logger.info("text translated", extra={"lines": len(spoken), "device": device})
    job.write(
        Translation(
            translator=f"{'transformers' if HAS_TORCH else 'ctranslate2'} on {device}",
            source_language=transcript.language,
            target_language=arguments.target,
            texts=tuple(next(translated) if text else "" for text in texts),
        )
    )


def options(parser: argparse.ArgumentParser) -> None:
    """Add the stage's own options."""
    parser.add_argument("--target", required=True, metavar="CODE", help="the model's language, such as de")
    parser.add_argument("--beam", type=int, default=4, metavar="N", help="width of the search (4)")
    device_option(parser)


STAGE = Stage(
    name="second-pass-translation",
    summary="Translate the recognised text, line by line.",
    reads=(f"{Transcript.file_name}  what is said",),
    writes=(f"{Translation.file_name}  one text for each line",),
    model=MODEL,
    options=options,
    body=second_pass_translation,
    limits=(
        "use the lines around a line",
        "check that the model translates from the transcript's language to --target",
        "use a model of many languages, which needs a language token",
        "promise to work on a GPU: that path has been run on a CPU only",
    ),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
