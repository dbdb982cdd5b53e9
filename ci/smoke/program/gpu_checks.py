"""The checks of a GPU, each in a process of its own, so that one that hangs or dies is reported.

Standard library only; gpu.py, which does them, needs libraries of the image.
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
"""The check that the others depend on."""
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

    The detail of a failure may contain the whole output of the check.
    """
    return [(f"gpu {what}", partial(read, what, device, limit_s)) for what in WHATS]


def read(what: str, device: str, limit_s: float) -> Reading:
    """Make one check."""
    return reading_of(run([sys.executable, "-I", "-B", str(PROGRAM), what, "--device", device], limit_s))


def answer(reading: Reading) -> str:
    """Return the line that a check ends with; numbers that are not finite are left out."""
    status, detail, metrics = reading
    finite = {
        name: value for name, value in metrics.items() if isinstance(value, str) or math.isfinite(value)
    }
    return json.dumps({"status": status, "detail": detail, "metrics": finite}, allow_nan=False)


def reading_of(ended: ProcessResult) -> Reading:
    """Return the result of a check, by how its process ended and by the last answer that it wrote."""
    before, begin, rest = ended.output.rpartition(_ANSWER)
    reading = _parsed(begin + rest)
    if reading is None:
        return "failed", f"{ended.error or 'ended without an answer'}\n{ended.output}".rstrip(), {}
    if ended.error:
        error = f"{ended.error} after its answer, {reading[0]}: {reading[1]}"
        return "failed", f"{error}\n{before}".rstrip(), {}
    return reading


def _parsed(text: str) -> Reading | None:
    """Return the answer at the beginning of a text, None if there is none."""
    try:
        value = json.JSONDecoder().raw_decode(text)[0]
        reading = value["status"], value["detail"], dict(value["metrics"])
    except (ValueError, LookupError, TypeError):
        return None
    return reading if reading[0] in STATUSES else None
