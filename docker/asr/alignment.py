"""Times words by forced alignment with a wav2vec2 model. GPU variant; run on a CPU, not on a GPU.

The steps of `whisperx.align`, without its sentence splitter: that one downloads its data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contract.audio import Samples
from contract.error import DeviceError
from contract.log import logger
from contract.media import SAMPLE_RATE
from contract.model import Model, loading
from contract.transcript import Line, Word

MODEL = Model(
    path="/models/align",
    files=("config.json", "preprocessor_config.json", "tokenizer_config.json", "vocab.json"),
    description="a wav2vec2 model of the spoken language, as transformers saves it",
)
SHORTEST = 400
"""Samples of the network's first frame."""
WORD_END = "|"
ANY = "*"
"""Stands for a character that the model does not know: whatever is heard there fits."""


def aligned(lines: list[Line], samples: Samples, folder: Path, device: str) -> list[Line]:
    """Return `lines` with their words timed; a line that can't be aligned stays as it was.

    Raises:
        DeviceError: this is the CPU variant.
        ModelMissingError, ModelInvalidError: about the model in `folder`.
    """
    MODEL.at(folder)
    try:
        from whisperx.alignment import load_align_model
    except ModuleNotFoundError as error:
        raise DeviceError(f"--align: this image has no {error.name}; use the image's cuda variant") from None
    with loading(folder):
        model, metadata = load_align_model(folder.name, device, model_name=str(folder))
    found = [_aligned(line, samples, model, metadata["dictionary"], device) for line in lines]
    logger.info("words aligned", extra={"lines": sum(bool(line.words) for line in found)})
    return found


def _aligned(line: Line, samples: Samples, model: Any, dictionary: dict[str, int], device: str) -> Line:
    import torch
    from whisperx.alignment import backtrack, get_trellis, merge_repeats, merge_words

    part = samples[round(line.start_s * SAMPLE_RATE) : round(line.end_s * SAMPLE_RATE)]
    words = line.text.split()
    if len(part) < SHORTEST or not words:
        return line
    spelled = WORD_END.join("".join(_known(letter, dictionary) for letter in word) for word in words)
    tokens = [dictionary.get(letter, -1) for letter in spelled]
    with torch.inference_mode():
        scores = model(torch.from_numpy(part).unsqueeze(0).to(device)).logits
        emission = torch.log_softmax(scores, dim=-1)[0].cpu()
    if len(emission) <= len(tokens):
        return line
    blank = next((dictionary[each] for each in ("<pad>", "[pad]") if each in dictionary), 0)
    path = backtrack(get_trellis(emission, tokens, blank), emission, tokens, blank)
    times = merge_words(merge_repeats(path, spelled), WORD_END)
    if len(times) != len(words):
        return line
    frame_s = line.length_s / len(emission)
    return line.model_copy(
        update={
            "words": tuple(
                Word(
                    start_s=round(line.start_s + time.start * frame_s, 3),
                    end_s=round(line.start_s + time.end * frame_s, 3),
                    text=word,
                    probability=round(min(max(time.score, 0.0), 1.0), 4),
                )
                for word, time in zip(words, times, strict=True)
            )
        }
    )


def _known(letter: str, dictionary: dict[str, int]) -> str:
    """Return how the model writes one letter."""
    lower = letter.lower()
    return lower if len(lower) == 1 and lower in dictionary and lower != WORD_END else ANY
