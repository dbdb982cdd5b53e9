"""Saves a small Marian model, as transformers saves it, to the folder argv[1]. Runs in the cuda variant.

Its weights are set by hand: the first step of the decoder looks at all of the source alike and gives the
translation of the word that is there, the second ends the text. So it translates single words.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import MarianConfig, MarianMTModel
from word_list import WORDS, pieces

WIDTH = 64
"""Half of it is for what the source says, half for what the decoder has said."""
LOUD = 50.0
"""Beside it the encodings of places, from -1 to 1, are nothing."""


def vocabulary(folder: Path) -> list[str]:
    """Save both SentencePiece models and their common word list; return that."""
    found = [
        *pieces(folder / "source.spm", list(WORDS)),
        *pieces(folder / "target.spm", list(WORDS.values())),
    ]
    words = list(dict.fromkeys(["</s>", "<unk>", *(each for each in found if each.startswith("▁")), "<pad>"]))
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    tokenizer = {"tokenizer_class": "MarianTokenizer", "source_lang": "en", "target_lang": "de"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return words


def network(words: list[str]) -> MarianMTModel:
    end, padding = words.index("</s>"), words.index("<pad>")
    config = MarianConfig(
        vocab_size=len(words),
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=1,
        decoder_attention_heads=1,
        encoder_ffn_dim=1,
        decoder_ffn_dim=1,
        max_position_embeddings=64,
        scale_embedding=False,
        share_encoder_decoder_embeddings=False,
        tie_word_embeddings=False,
        pad_token_id=padding,
        eos_token_id=end,
        decoder_start_token_id=padding,
        forced_eos_token_id=None,
    )
    model = MarianMTModel(config)
    half = WIDTH // 2
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "embed_positions" not in name:
                weights.fill_(float("layer_norm.weight" in name))
        said = model.model.encoder.embed_tokens.weight
        told = model.model.decoder.embed_tokens.weight
        for index in range(len(words)):
            said[index, index % half] = LOUD if index != end else 0.0
            told[index, half + (0 if index == padding else 1)] = LOUD
        attention = model.model.decoder.layers[0].encoder_attn
        attention.v_proj.weight.copy_(torch.eye(WIDTH))
        attention.out_proj.weight.copy_(torch.eye(WIDTH))
        for word, translation in WORDS.items():
            row = model.lm_head.weight[words.index(f"▁{translation}")]
            row[words.index(f"▁{word}")] = 1.0
            row[half] = 2.0
        model.lm_head.weight[end, half + 1] = 4.0
        model.lm_head.weight[end, :half] = 0.1
    return model


def main(folder: str) -> None:
    words = vocabulary(Path(folder))
    assert len(words) <= WIDTH // 2
    network(words).save_pretrained(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
