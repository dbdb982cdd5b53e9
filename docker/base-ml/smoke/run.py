"""What base-ml brings, at work: torch on the CPU where it is there, else an ONNX graph; and word pieces."""

import io
import sys
from importlib.util import find_spec

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

import numpy as np
import numpy.typing as npt
from stage_run import StageRun

LEFT = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]], dtype=np.float32)
RIGHT = np.array([[2.0, 0.0], [1.0, -3.0], [-4.0, 5.0]], dtype=np.float32)
WORDS = ["Good", "evening", "Vienna"]


def by_torch() -> npt.NDArray[np.float32]:
    """Return relu(`LEFT` · `RIGHT`) as torch computes it on the CPU."""
    import torch

    with torch.inference_mode():
        return np.asarray(torch.relu(torch.from_numpy(LEFT) @ torch.from_numpy(RIGHT)).numpy())


def by_onnx() -> npt.NDArray[np.float32]:
    """Return the same as onnxruntime computes it, of a graph that is made here."""
    import onnxruntime
    from onnx_graph import constant, model, node, value

    graph = [
        value(11, "x", ["n", 3]),
        value(12, "y", ["n", 2]),
        constant("right", [3, 2], RIGHT.flatten().tolist()),
        node("MatMul", ["x", "right"], "product"),
        node("Relu", ["product"], "y"),
    ]
    session = onnxruntime.InferenceSession(model(graph, {}), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": LEFT})[0])


def words_again() -> str:
    """Return `WORDS` as numbers of a word list that is made here, and back."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(["?", *WORDS])}, "?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return f"{tokenizer.encode(' '.join([*WORDS, 'Lime'])).ids}"


def pieces_again() -> str:
    """Return a sentence as the word pieces that SentencePiece finds, and back."""
    import sentencepiece

    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(WORDS)] * 3),
        model_writer=made,
        model_type="word",
        vocab_size=len(WORDS) + 3,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    return str(processor.decode(processor.encode(" ".join(WORDS))))


def main() -> None:
    """Compute one product, and take sentences apart."""
    check = StageRun("base-ml")
    means = "torch" if find_spec("torch") else "onnxruntime"
    product = by_torch() if means == "torch" else by_onnx()
    wanted = np.maximum(LEFT.astype(np.float64) @ RIGHT, 0)
    check.gives(f"a product by {means}", np.round(product, 4).tolist(), wanted.tolist())
    check.gives("a sentence in numbers, by tokenizers", words_again(), "[1, 2, 3, 0]")
    check.gives("a sentence there and back, by sentencepiece", pieces_again(), " ".join(WORDS))
    print(f"{means} multiplies on the CPU, tokenizers and sentencepiece know words")


if __name__ == "__main__":
    main()
