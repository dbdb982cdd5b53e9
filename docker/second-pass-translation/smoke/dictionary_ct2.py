"""Saves a small translation model for CTranslate2 to the folder argv[1]. Runs in second-pass-translation.

A Transformer with weights set by hand: each step attends to the source word at its own place and gives that
word's translation. It really reads its source, and translates word for word.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ctranslate2.specs import TransformerSpec
from word_list import WORDS, pieces

CODES = PLACES = 32
WIDTH = CODES + PLACES
SHARP = 8.0
STRONG = 5.0


def zeros(*shape: int) -> npt.NDArray[np.float32]:
    return np.zeros(shape, dtype=np.float32)


def same(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(WIDTH, dtype=np.float32), zeros(WIDTH)


def linear(target: Any, weight: npt.NDArray[np.float32]) -> None:
    target.weight, target.bias = weight, zeros(len(weight))


def quiet_parts(layer: Any) -> None:
    same(layer.self_attention.layer_norm)
    linear(layer.self_attention.linear[0], zeros(3 * WIDTH, WIDTH))
    linear(layer.self_attention.linear[1], zeros(WIDTH, WIDTH))
    same(layer.ffn.layer_norm)
    linear(layer.ffn.linear_0, zeros(WIDTH, WIDTH))
    linear(layer.ffn.linear_1, zeros(WIDTH, WIDTH))


def main(folder: str) -> None:
    path = Path(folder)
    source, target = (
        pieces(path / "source.spm", list(WORDS)),
        pieces(path / "target.spm", list(WORDS.values())),
    )
    assert len(source) <= CODES
    spec = TransformerSpec.from_config(num_layers=1, num_heads=1, pre_norm=True)
    spec.encoder.scale_embeddings = spec.decoder.scale_embeddings = False
    code, place = np.eye(CODES, WIDTH, dtype=np.float32), np.eye(PLACES, WIDTH, CODES, dtype=np.float32)
    spec.encoder.embeddings[0].weight = code[: len(source)]
    spec.decoder.embeddings.weight = zeros(len(target), WIDTH)
    for half in (spec.encoder, spec.decoder):
        half.position_encodings.encodings = place
        same(half.layer_norm)
        quiet_parts(half.layer[0])

    only_code = np.diag(np.r_[np.ones(CODES), np.zeros(PLACES)]).astype(np.float32)
    only_place = np.eye(WIDTH, dtype=np.float32) - only_code
    attention = spec.decoder.layer[0].attention
    same(attention.layer_norm)
    linear(attention.linear[0], SHARP * only_place)
    linear(attention.linear[1], np.vstack([only_place, only_code]))
    linear(attention.linear[2], np.eye(WIDTH, dtype=np.float32))

    spec.decoder.projection.weight = zeros(len(target), WIDTH)
    for word, translation in {
        "</s>": "</s>",
        **{f"▁{key}": f"▁{each}" for key, each in WORDS.items()},
    }.items():
        spec.decoder.projection.weight[target.index(translation), source.index(word)] = STRONG
    spec.register_source_vocabulary(source)
    spec.register_target_vocabulary(target)
    spec.config.decoder_start_token = "</s>"
    spec.config.add_source_eos = False
    spec.validate()
    spec.save(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
