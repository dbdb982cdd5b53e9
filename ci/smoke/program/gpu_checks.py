"""The checks of a GPU, each in a process of its own, so that one that hangs or dies is told.

Standard library only; gpu.py, which makes them, needs what the image has installed.
"""

import json
import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .bounded_process import ProcessResult, run
from .reading import Reading

DEVICE = "device"
"""The check that the others depend on: it alone is skipped where there is no device."""
WHATS = (
    DEVICE,
    "matmul-fp32",
    "matmul-fp16",
    "matmul-bf16",
    "convolution",
    "ctranslate2",
    "onnxruntime",
    "memory",
    "throughput",
)
DEVICES = ("cuda", "cpu")
STATUSES = ("passed", "failed", "skipped")
PROGRAM = Path(__file__).parent / "gpu.py"
_ANSWER = '{"status": '


def checks(device: str, limit_s: float) -> list[tuple[str, Callable[[], Reading]]]:
    """Return the checks of `device` (cuda or cpu) in their order; each may take `limit_s`.

    The detail of a failure may hold all that the check wrote.
    """
    return [(f"gpu {what}", partial(look, what, device, limit_s)) for what in WHATS]


def look(what: str, device: str, limit_s: float) -> Reading:
    """Make one check."""
    return reading_of(run([sys.executable, "-I", "-B", str(PROGRAM), what, "--device", device], limit_s))


def answer(reading: Reading) -> str:
    """Return the line that a check ends with; a figure that is no finite number is left out."""
    status, detail, figures = reading
    finite = {
        name: value for name, value in figures.items() if isinstance(value, str) or math.isfinite(value)
    }
    return json.dumps({"status": status, "detail": detail, "figures": finite}, allow_nan=False)


def reading_of(ended: ProcessResult) -> Reading:
    """Return what a check found, by how its process ended and by the last answer that it wrote."""
    before, begin, rest = ended.output.rpartition(_ANSWER)
    reading = _parsed(begin + rest)
    if reading is None:
        return "failed", f"{ended.fault or 'ended without an answer'}\n{ended.output}".rstrip(), {}
    if ended.fault:
        fault = f"{ended.fault} after its answer, {reading[0]}: {reading[1]}"
        return "failed", f"{fault}\n{before}".rstrip(), {}
    return reading


def _parsed(text: str) -> Reading | None:
    """Return the answer that a text begins with, None when it is no answer."""
    try:
        value = json.JSONDecoder().raw_decode(text)[0]
        reading = value["status"], value["detail"], dict(value["figures"])
    except (ValueError, LookupError, TypeError):
        return None
    return reading if reading[0] in STATUSES else None
