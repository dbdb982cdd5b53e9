"""A small translation model of CTranslate2 on a device, against the CPU. Needs ctranslate2 and its numpy.

A Transformer whose weights are set by hand: each step attends to the source word at its own position and
gives that word's translation. So the right output is known, too.
"""

import tempfile
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from ctranslate2.specs import TransformerSpec

from .reading import Reading
from .tolerance import closeness

WORDS = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier", "five": "fünf"}
SENTENCES = (("three", "one", "five"), ("two",), ("four", "four", "one", "two", "three"))
END = "</s>"
CODES = PLACES = 32
WIDTH = CODES + PLACES
SHARP, STRONG = 8.0, 0.5
TYPES = {"float32": 1e-4, "float16": 1e-2, "int8": 5e-2}
"""The error limit of a score, relative to the largest, against float32 on the CPU.

float16 has 11 bits and a score sums some of its roundings; int8 has 8 bits of each weight and of each input.
"""
REFERENCE = ("cpu", "float32")


def translation(device: str) -> Reading:
    """Translate some sentences on the CPU and on `device`, in each type that it supports."""
    with tempfile.TemporaryDirectory(prefix="dockwright-model-") as folder:
        write_model(folder)
        words, scores = translated(folder, *REFERENCE)
        right = [[WORDS[word] for word in sentence] for sentence in SENTENCES]
        if words != right:
            return "failed", f"the CPU itself gives {words}, not {right}", {}
        supported = ctranslate2.get_supported_compute_types(device)
        kinds = [kind for kind in TYPES if kind in supported]
        for kind in kinds:
            got, its = translated(folder, device, kind)
            if got != words:
                return "failed", f"{kind}: gives {got}, and the CPU gives {words}", {}
            status, detail, metrics = closeness(its, scores, TYPES[kind])
            if status != "passed":
                return status, f"{kind}: scores: {detail}", metrics
    return "passed", f"the same translations as on the CPU, in {', '.join(kinds)}", {}


def translated(folder: str, device: str, kind: str) -> tuple[list[list[str]], list[float]]:
    """Return the translations of the model, and their scores."""
    model = ctranslate2.Translator(folder, device=device, compute_type=kind)
    results = model.translate_batch([list(one) for one in SENTENCES], beam_size=1, return_scores=True)
    return [one.hypotheses[0] for one in results], [one.scores[0] for one in results]


def write_model(folder: str) -> None:
    """Write the model."""
    source, target = (["<unk>", END, *words] for words in (WORDS, WORDS.values()))
    spec = TransformerSpec.from_config(num_layers=1, num_heads=1, pre_norm=True)
    spec.encoder.scale_embeddings = spec.decoder.scale_embeddings = False
    spec.encoder.embeddings[0].weight = np.eye(len(source), WIDTH, dtype=np.float32)
    spec.decoder.embeddings.weight = _zeros(len(target), WIDTH)
    for half in (spec.encoder, spec.decoder):
        half.position_encodings.encodings = np.eye(PLACES, WIDTH, CODES, dtype=np.float32)
        _same(half.layer_norm)
        _quiet(half.layer[0])

    only_code = np.diag(np.r_[np.ones(CODES), np.zeros(PLACES)]).astype(np.float32)
    only_place = np.eye(WIDTH, dtype=np.float32) - only_code
    attention = spec.decoder.layer[0].attention
    _same(attention.layer_norm)
    _linear(attention.linear[0], SHARP * only_place)
    _linear(attention.linear[1], np.vstack([only_place, only_code]))
    _linear(attention.linear[2], np.eye(WIDTH, dtype=np.float32))

    spec.decoder.projection.weight = _zeros(len(target), WIDTH)
    for index in range(1, len(source)):
        spec.decoder.projection.weight[index, index] = STRONG
    spec.register_source_vocabulary(source)
    spec.register_target_vocabulary(target)
    spec.config.decoder_start_token = END
    spec.config.add_source_eos = True
    spec.validate()
    Path(folder).mkdir(exist_ok=True)
    spec.save(folder)


def _zeros(*shape: int) -> Any:
    return np.zeros(shape, dtype=np.float32)


def _same(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(WIDTH, dtype=np.float32), _zeros(WIDTH)


def _linear(target: Any, weight: Any) -> None:
    target.weight, target.bias = weight, _zeros(len(weight))


def _quiet(layer: Any) -> None:
    _same(layer.self_attention.layer_norm)
    _linear(layer.self_attention.linear[0], _zeros(3 * WIDTH, WIDTH))
    _linear(layer.self_attention.linear[1], _zeros(WIDTH, WIDTH))
    _same(layer.ffn.layer_norm)
    _linear(layer.ffn.linear_0, _zeros(WIDTH, WIDTH))
    _linear(layer.ffn.linear_1, _zeros(WIDTH, WIDTH))
