"""A Marian model on a CPU: CTranslate2 and its two SentencePiece models."""

from __future__ import annotations

from pathlib import Path

from contract.error import ModelInvalidError
from contract.model import loading

FILES = ("model.bin", "config.json", "source.spm", "target.spm")
END = "</s>"
BATCH_TOKENS = 2048


def ct2_texts(folder: Path, texts: list[str], language: str, beam: int, device: str) -> list[str]:
    """Return each text's translation.

    Raises:
        ModelInvalidError: CTranslate2 or SentencePiece refuse the model.
    """
    import ctranslate2
    import sentencepiece
    from sacremoses import MosesPunctNormalizer

    with loading(folder):
        source = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
        target = sentencepiece.SentencePieceProcessor(model_file=str(folder / "target.spm"))
        translator = ctranslate2.Translator(str(folder), device=device)
    normalise = MosesPunctNormalizer(lang=language).normalize
    pieces = [[*source.encode(normalise(text), out_type=str), END] for text in texts]
    results = translator.translate_batch(
        pieces, beam_size=beam, max_batch_size=BATCH_TOKENS, batch_type="tokens"
    )
    if len(results) != len(texts):
        raise ModelInvalidError(f"{folder}: gives {len(results)} texts for {len(texts)} lines")
    return [target.decode([piece for piece in result.hypotheses[0] if piece != END]) for result in results]
