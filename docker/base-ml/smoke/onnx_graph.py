"""Writes ONNX graphs without the package `onnx`, which no image has.

Source: onnx.proto of ONNX 1.14 (field numbers), protobuf's wire format.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

FLOAT, INT64 = 1, 7


def number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value & (1 << 64) - 1)


def blob(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return blob(5, blob(1, name) + number(3, value) + number(20, 2))
    return blob(5, blob(1, name) + b"".join(number(8, each) for each in value) + number(20, 7))


def node(kind: str, inputs: Sequence[str], output: str, **attributes: int | Sequence[int]) -> bytes:
    parts = [blob(1, each) for each in inputs] + [blob(2, output), blob(3, output), blob(4, kind)]
    return blob(1, b"".join([*parts, *(attribute(name, each) for name, each in attributes.items())]))


def constant(name: str, shape: Sequence[int], values: Sequence[float]) -> bytes:
    raw = struct.pack(f"<{len(values)}f", *values)
    return blob(
        5, b"".join(number(1, each) for each in shape) + number(2, FLOAT) + blob(8, name) + blob(9, raw)
    )


def value(field: int, name: str, shape: Sequence[str | int]) -> bytes:
    """An input (field 11) or output (12) of floats; a dimension that is a string may have any length."""
    dims = b"".join(blob(1, blob(2, each) if isinstance(each, str) else number(1, each)) for each in shape)
    return blob(field, blob(1, name) + blob(2, blob(1, number(1, FLOAT) + blob(2, dims))))


def model(graph: Sequence[bytes], metadata: dict[str, str | int]) -> bytes:
    properties = (blob(14, blob(1, key) + blob(2, str(each))) for key, each in metadata.items())
    return b"".join(
        [
            number(1, 8),
            blob(7, b"".join([*graph, blob(2, "graph")])),
            blob(8, blob(1, "") + number(2, 13)),
            *properties,
        ]
    )
