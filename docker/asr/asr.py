"""Turns speech into timed text with Whisper, on faster-whisper.

On a GPU the same code runs in half precision, and words can be timed by forced alignment (alignment.py).
The GPU path was run on a CPU, not on a GPU.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clip import clips
from contract.audio import Samples, read_samples
from contract.device import chosen_device, device_option
from contract.error import InputError
from contract.job import Job
from contract.log import logger
from contract.media import SAMPLE_RATE
from contract.model import Model, loading
from contract.name import Names
from contract.span import Span
from contract.speaker import Speakers
from contract.speech import Speech, Voice
from contract.stage import Stage, run
from contract.transcript import Line, Transcript, Word

MODEL = Model(
    path="/models/faster-whisper",
    # Without tokenizer.json the loader would ask Hugging Face for one.
    files=("model.bin", "config.json", "tokenizer.json"),
    description="a Whisper model converted for CTranslate2, such as Systran/faster-whisper-small",
)
COMPUTE_TYPE = {"cpu": "int8", "cuda": "float16"}
HOTWORDS = 60
"""Names that the recogniser is told of; it has room for about 220 tokens."""


def asr(job: Job, arguments: argparse.Namespace) -> None:
    """Write what is said, by whom where that is known."""
    samples = read_samples(job)
    spans, speakers = _spans(job, len(samples) / SAMPLE_RATE), job.find(Speakers)
    folder = MODEL.at(arguments.model)
    device = chosen_device(arguments.device)
    if not spans:
        language, lines = arguments.language or "und", list[Line]()
    else:
        model = _loaded(folder, device)
        language, lines = _recognised(model, samples, spans, _hotwords(job), arguments)
        if arguments.align is not None and lines:
            from alignment import aligned

            lines = aligned(lines, samples, arguments.align / language, device)
    logger.info("speech recognised", extra={"language": language, "lines": len(lines), "device": device})
    if speakers is not None:
        lines = [line.model_copy(update={"speaker": speakers.during(line)}) for line in lines]
    job.write(Transcript(recognizer=f"faster-whisper on {device}", language=language, lines=tuple(lines)))


def _spans(job: Job, length_s: float) -> list[Span]:
    """Return where to listen: the finest pass there is, else everywhere."""
    activity = job.find(Voice) or job.find(Speech)
    return [Span(start_s=0, end_s=length_s)] if activity is None else list(activity.spans)


def _hotwords(job: Job) -> str | None:
    names = job.find(Names)
    if names is None:
        return None
    texts = [name.text for name in names.names if set(name.sources) != {"actor"}]
    return ", ".join(texts[:HOTWORDS]) or None


def _loaded(folder: Path, device: str) -> Any:
    """Return the model.

    Raises:
        ModelInvalidError: faster-whisper refuses it.
    """
    if device == "cuda":
        import torch  # noqa: F401  its import brings the CUDA libraries that CTranslate2 opens by name
    from faster_whisper import WhisperModel

    with loading(folder):
        return WhisperModel(
            str(folder), device=device, compute_type=COMPUTE_TYPE[device], local_files_only=True
        )


def _recognised(
    model: Any, samples: Samples, spans: list[Span], hotwords: str | None, arguments: argparse.Namespace
) -> tuple[str, list[Line]]:
    """Return the language and the lines.

    Raises:
        InputError: the model does not know the asked language.
    """
    if arguments.language is not None and arguments.language not in model.supported_languages:
        raise InputError(
            f"--language {arguments.language}: the model knows {', '.join(model.supported_languages)}"
        )
    times = [time_s for clip in clips(spans) for time_s in (clip.start_s, clip.end_s)]
    segments, information = model.transcribe(
        samples,
        language=arguments.language,
        beam_size=arguments.beam,
        word_timestamps=arguments.words,
        clip_timestamps=times,
        hotwords=hotwords,
        condition_on_previous_text=False,  # a slip in one clip is not carried into the next
    )
    lines = list(_lines(segments, len(samples) / SAMPLE_RATE))
    return information.language, sorted(lines, key=lambda line: line.start_s)


def _lines(segments: Any, length_s: float) -> Iterator[Line]:
    """Yield what the recogniser found, within the sound: its last window reaches beyond the end."""
    for segment in segments:
        text, start_s, end_s = segment.text.strip(), segment.start, min(segment.end, length_s)
        if not text or end_s <= start_s:
            continue
        logger.debug("line", extra={"start_s": start_s, "text": text})
        yield Line(
            start_s=round(start_s, 3),
            end_s=round(end_s, 3),
            text=text,
            words=tuple(
                Word(
                    start_s=round(word.start, 3),
                    end_s=round(word.end, 3),
                    text=word.word.strip(),
                    probability=round(word.probability, 4),
                )
                for word in segment.words or ()
                if round(word.end, 3) > round(word.start, 3)
            ),
        )


def options(parser: argparse.ArgumentParser) -> None:
    """Add the stage's own options."""
    parser.add_argument("--language", metavar="CODE", help="what is spoken, such as en (detected)")
    parser.add_argument("--beam", type=int, default=5, metavar="N", help="width of the search (5)")
    parser.add_argument("--words", action="store_true", help="time every word, too")
    parser.add_argument(
        "--align",
        type=Path,
        metavar="DIR",
        help="time words by forced alignment with the wav2vec2 model DIR/LANGUAGE (GPU variant)",
    )
    device_option(parser)


STAGE = Stage(
    name="asr",
    summary="Turn speech into timed text.",
    reads=(
        "media.json and the sound it names",
        f"{Voice.file_name}, else {Speech.file_name}  optional: where to listen",
        f"{Speakers.file_name}  optional: who speaks each line",
        f"{Names.file_name}  optional: names to expect",
    ),
    writes=(f"{Transcript.file_name}  lines with their times and language",),
    model=MODEL,
    options=options,
    body=asr,
    limits=(
        "follow a change of language within a film",
        "align words in the CPU variant, or in languages written without spaces",
        "promise to work on a GPU: that path has been run on a CPU only",
    ),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
