"""Saves a small multilingual Whisper for CTranslate2 to the folder argv[1]. Runs in the image asr.

Its weights are set by hand: each token is decided by the one before it, so the model says the same sentence
whatever it hears; and each word looks at its own 200 ms of the sound, so it has a place in time. The
vocabulary has the size and order of the real one, which the loader goes by.
"""

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ctranslate2.specs import WhisperSpec
from faster_whisper.tokenizer import _LANGUAGE_CODES as LANGUAGES
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

SENTENCE = ("Good", "evening", "Hary", "Lyme")
WIDTH, MELS, TEXT_TOKENS, ALL_TOKENS = 32, 80, 50_257, 51_865
STRONG = 24.0
RARE = -30.0
"""Speaks against the end of the text: a search that finds ends everywhere stops before the sentence does."""
FRAMES_A_WORD = 10  # of 20 ms


def vocabulary() -> list[str]:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    text = [*letters, *(f"Ġ{word}" for word in SENTENCE)]
    text += [f"Ġfiller{index}" for index in range(TEXT_TOKENS - len(text))]
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES[:99])]
    special += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>"]
    special += ["<|notimestamps|>", *(f"<|{index * 0.02:.2f}|>" for index in range(1501))]
    tokens = text + special
    assert len(tokens) == len(set(tokens)) == ALL_TOKENS
    return tokens


def tokenizer(tokens: list[str]) -> Tokenizer:
    made = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True) for token in tokens[TEXT_TOKENS:]])
    return made


def zeros(*shape: int) -> npt.NDArray[np.float32]:
    return np.zeros(shape, dtype=np.float32)


def same(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(WIDTH, dtype=np.float32), zeros(WIDTH)


def silent(linear: Any, rows: int, columns: int) -> None:
    linear.weight, linear.bias = zeros(rows, columns), zeros(rows)


def silent_layer(layer: Any, *, hears_encoder: bool) -> None:
    same(layer.self_attention.layer_norm)
    silent(layer.self_attention.linear[0], 3 * WIDTH, WIDTH)
    silent(layer.self_attention.linear[1], WIDTH, WIDTH)
    if hears_encoder:
        same(layer.attention.layer_norm)
        silent(layer.attention.linear[0], WIDTH, WIDTH)
        silent(layer.attention.linear[1], 2 * WIDTH, WIDTH)
        silent(layer.attention.linear[2], WIDTH, WIDTH)
    same(layer.ffn.layer_norm)
    silent(layer.ffn.linear_0, 4 * WIDTH, WIDTH)
    silent(layer.ffn.linear_1, WIDTH, 4 * WIDTH)


def main(folder: str, seconds: str = "1.00") -> None:
    tokens = vocabulary()
    spec = WhisperSpec(1, 1, 1, 1)
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = zeros(WIDTH, MELS, 3), zeros(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = zeros(WIDTH, WIDTH, 3), zeros(WIDTH)
    encoder.position_encodings.encodings = zeros(1500, WIDTH)
    same(encoder.layer_norm)
    silent_layer(encoder.layer[0], hears_encoder=False)
    decoder.position_encodings.encodings = zeros(448, WIDTH)
    same(decoder.layer_norm)
    silent_layer(decoder.layer[0], hears_encoder=True)
    for index in range(len(SENTENCE)):
        first = index * FRAMES_A_WORD
        encoder.position_encodings.encodings[first : first + FRAMES_A_WORD, index] = 1.0

    words = [f"Ġ{word}" for word in SENTENCE]
    chain = ["<|transcribe|>", "<|0.00|>", *words, f"<|{seconds}|>", "<|endoftext|>"]
    follows = [("<|startoftranscript|>", "<|en|>"), *pairwise(chain)]
    follows.append(("<|notimestamps|>", words[0]))
    decoder.embeddings.weight, decoder.projection.weight = (
        zeros(len(tokens), WIDTH),
        zeros(len(tokens), WIDTH),
    )
    decoder.projection.bias = zeros(len(tokens))
    decoder.projection.bias[tokens.index("<|endoftext|>")] = RARE
    looking = decoder.layer[0].attention
    looking.linear[1].weight[:WIDTH] = np.eye(WIDTH, dtype=np.float32)  # keys; values stay nothing
    random = np.random.default_rng(7)
    for token, following in follows:
        code = random.permutation(np.repeat([-1.0, 1.0], WIDTH // 2)).astype(np.float32)  # its own layer norm
        decoder.embeddings.weight[tokens.index(token)] = code
        strength = STRONG - RARE if following == "<|endoftext|>" else STRONG
        decoder.projection.weight[tokens.index(following)] += code * (strength / WIDTH)
        if following in words:
            looking.linear[0].weight[words.index(following)] += code * (STRONG / WIDTH)

    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [tokens.index(f"<|{code}|>") for code in LANGUAGES[:99]]
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.save(folder)
    tokenizer(tokens).save(str(Path(folder) / "tokenizer.json"))
    (Path(folder) / "preprocessor_config.json").write_text(json.dumps({"feature_size": MELS}))


if __name__ == "__main__":
    main(*sys.argv[1:])
