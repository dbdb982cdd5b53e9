"""A Marian model on a GPU, through transformers. Run on a CPU, not on a GPU."""

from __future__ import annotations

from pathlib import Path

from contract.model import loading

FILES = ("config.json", "source.spm", "target.spm", "vocab.json", "tokenizer_config.json")
BATCH = 32


def marian_texts(folder: Path, texts: list[str], language: str, beam: int, device: str) -> list[str]:  # noqa: ARG001
    """Return each text's translation. The tokenizer knows its source language by itself.

    Raises:
        ModelInvalidError: transformers refuses the model.
    """
    import torch
    from transformers import MarianMTModel, MarianTokenizer

    with loading(folder):
        tokenizer = MarianTokenizer.from_pretrained(str(folder), local_files_only=True)
        model = MarianMTModel.from_pretrained(str(folder), local_files_only=True).to(device).eval()
        if device == "cuda":
            model = model.half()
    translated: list[str] = []
    for start in range(0, len(texts), BATCH):
        batch = tokenizer(texts[start : start + BATCH], return_tensors="pt", padding=True, truncation=True)
        with torch.inference_mode():
            tokens = model.generate(**batch.to(device), num_beams=beam, max_new_tokens=256)
        translated += tokenizer.batch_decode(tokens, skip_special_tokens=True)
    return translated
