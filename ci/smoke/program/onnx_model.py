"""A small network of ONNX Runtime on a device, against numpy in float64. Needs onnxruntime and its numpy.

The network is written without the package `onnx`, which no image has. Source: onnx.proto of ONNX 1.14 (field
numbers), protobuf's wire format.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime

from .reading import Reading
from .tolerance import CONVOLUTION, closeness

PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}
OPTIONS: dict[str, dict[str, str]] = {"cuda": {"use_tf32": "0"}, "cpu": {}}
NO_FALLBACK = "session.disable_cpu_ep_fallback"
"""With this option, a session that would leave a part to the CPU is an error.

Source: onnxruntime_session_options_config_keys.h.
"""
SEED, CHANNELS, FILTERS, PIXELS, KERNEL, WIDTH = 20, 4, 8, 16, 3, 10
_FLOAT, _IR_VERSION, _OPSET = 1, 8, 13


def inference(device: str) -> Reading:
    """A convolution, a ReLU and a product, by the device's own provider alone."""
    provider = PROVIDERS[device]
    if provider not in onnxruntime.get_available_providers():
        return "skipped", f"this onnxruntime {onnxruntime.__version__} has no {provider}", {}
    random = np.random.default_rng(SEED)
    image = random.standard_normal((1, CHANNELS, PIXELS, PIXELS), dtype=np.float32)
    filters = random.standard_normal((FILTERS, CHANNELS, KERNEL, KERNEL), dtype=np.float32)
    inner = PIXELS - KERNEL + 1
    matrix = random.standard_normal((inner, WIDTH), dtype=np.float32)
    options = onnxruntime.SessionOptions()
    if device == "cuda":
        options.add_session_config_entry(NO_FALLBACK, "1")
    session = onnxruntime.InferenceSession(
        network(filters, matrix), options, providers=[(provider, OPTIONS[device])]
    )
    if session.get_providers()[0] != provider:
        return "failed", f"the session uses {', '.join(session.get_providers())} instead of {provider}", {}
    got = session.run(None, {"image": image})[0]
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(np.float64), (KERNEL, KERNEL), (2, 3))
    folded = np.einsum("bcyxij,fcij->bfyx", windows, filters.astype(np.float64))
    want = np.maximum(folded, 0) @ matrix.astype(np.float64)
    its = got.astype(np.float64).ravel().tolist()
    status, detail, metrics = closeness(its, want.ravel().tolist(), CONVOLUTION)
    return status, f"{provider} of onnxruntime {onnxruntime.__version__}: {detail}", metrics


def network(filters: Any, matrix: Any) -> bytes:
    """Return the network as bytes."""
    graph = [
        _value(11, "image", (1, CHANNELS, PIXELS, PIXELS)),
        _value(12, "out", (1, FILTERS, len(matrix), WIDTH)),
        _constant("filters", filters),
        _constant("matrix", matrix),
        _node("Conv", ("image", "filters"), "folded"),
        _node("Relu", ("folded",), "positive"),
        _node("MatMul", ("positive", "matrix"), "out"),
        _blob(2, "graph"),
    ]
    opset = _blob(1, "") + _number(2, _OPSET)
    return _number(1, _IR_VERSION) + _blob(7, b"".join(graph)) + _blob(8, opset)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _blob(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _node(kind: str, inputs: Sequence[str], output: str) -> bytes:
    return _blob(1, b"".join([*(_blob(1, each) for each in inputs), _blob(2, output), _blob(4, kind)]))


def _constant(name: str, values: Any) -> bytes:
    shape = b"".join(_number(1, each) for each in values.shape)
    return _blob(5, shape + _number(2, _FLOAT) + _blob(8, name) + _blob(9, values.astype("<f4").tobytes()))


def _value(field: int, name: str, shape: Sequence[int]) -> bytes:
    """An input (field 11) or an output (12) of floats."""
    dims = b"".join(_blob(1, _number(1, each)) for each in shape)
    return _blob(field, _blob(1, name) + _blob(2, _blob(1, _number(1, _FLOAT) + _blob(2, dims))))
