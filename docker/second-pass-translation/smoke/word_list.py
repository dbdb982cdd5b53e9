"""The words that the small translation models of the checks know, and their SentencePiece models."""

import io
from pathlib import Path

import sentencepiece

WORDS = {
    "Good": "Guten",
    "evening": "Abend",
    "morning": "Morgen",
    "Vienna": "Wien",
    "Hary": "Hary",
    "Lyme": "Lyme",
    "Holly": "Holly",
}


def pieces(path: Path, words: list[str]) -> list[str]:
    """Train the word list `words`, save it, and return its pieces in their order."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(words)] * 3),
        model_writer=made,
        model_type="word",
        vocab_size=len(words) + 3,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    path.write_bytes(made.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    return [processor.id_to_piece(index) for index in range(processor.get_piece_size())]
