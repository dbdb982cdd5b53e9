"""Writes two small networks with the interface of the real ones to the folder argv[1].

`segmentation.onnx` (also as `model.onnx`) hears speech where the sound has power, and tells a low voice from
a high one by how much of the power lies in the sound's first difference. `embedding.onnx` gives the mean
spectrum, less its own mean.
"""

import math
import sys
from pathlib import Path

from onnx_graph import constant, model, node, value

FIELD, SHIFT, WINDOW = 991, 270, 160_000
MELS = 80
QUIET = math.log(1e-5)
BRIGHT = math.log(0.15)
NEVER = -50.0


def segmentation(classes: int = 7) -> bytes:
    graph = [
        value(11, "x", ["n", 1, "t"]),
        value(12, "y", ["n", "frames", classes]),
        constant("difference", [1, 1, 2], [-1.0, 1.0]),
        constant("tiny", [1], [1e-10]),
        constant("quiet", [1], [QUIET]),
        constant("bright", [1], [BRIGHT]),
        constant("never", [1], [NEVER]),
        constant("zero", [1], [0.0]),
        node("Mul", ["x", "x"], "squares"),
        node("AveragePool", ["squares"], "power", kernel_shape=[FIELD], strides=[SHIFT]),
        node("Conv", ["x", "difference"], "edges", kernel_shape=[2], pads=[0, 1]),
        node("Mul", ["edges", "edges"], "edge_squares"),
        node("AveragePool", ["edge_squares"], "edge_power", kernel_shape=[FIELD], strides=[SHIFT]),
        node("Add", ["power", "tiny"], "safe_power"),
        node("Log", ["safe_power"], "loudness"),
        node("Sub", ["loudness", "quiet"], "speech"),
        node("Neg", ["speech"], "silence"),
        node("Add", ["edge_power", "tiny"], "safe_edge_power"),
        node("Log", ["safe_edge_power"], "edge_loudness"),
        node("Sub", ["edge_loudness", "loudness"], "ratio"),
        node("Sub", ["ratio", "bright"], "brightness"),
        node("Add", ["speech", "brightness"], "high"),
        node("Sub", ["speech", "brightness"], "low"),
        node("Mul", ["speech", "zero"], "nothing"),
        node("Add", ["nothing", "never"], "nobody"),
        node("Concat", ["silence", "low", "high", *["nobody"] * (classes - 3)], "classes", axis=1),
        node("Transpose", ["classes"], "y", perm=[0, 2, 1]),
    ]
    return model(
        graph,
        {
            "model_type": "pyannote-segmentation-3.0",
            "version": 1,
            "sample_rate": 16_000,
            "num_speakers": 3,
            "powerset_max_classes": 2,
            "num_classes": classes,
            "window_size": WINDOW,
            "receptive_field_size": FIELD,
            "receptive_field_shift": SHIFT,
        },
    )


def embedding() -> bytes:
    graph = [
        value(11, "x", ["n", "t", MELS]),
        value(12, "embedding", ["n", MELS]),
        node("ReduceMean", ["x"], "spectrum", axes=[1], keepdims=0),
        node("ReduceMean", ["spectrum"], "level", axes=[1], keepdims=1),
        node("Sub", ["spectrum", "level"], "embedding"),
    ]
    return model(
        graph,
        {
            "framework": "wespeaker",
            "language": "English",
            "output_dim": MELS,
            "sample_rate": 16_000,
            "normalize_samples": 1,
            "feature_normalize_type": "",
        },
    )


def main(folder: str) -> None:
    for name, data in (
        ("segmentation.onnx", segmentation()),
        ("model.onnx", segmentation()),
        ("embedding.onnx", embedding()),
        ("nameless.onnx", model([value(11, "x", [1]), value(12, "y", [1]), node("Neg", ["x"], "y")], {})),
    ):
        (Path(folder) / name).write_bytes(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
