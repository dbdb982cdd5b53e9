"""Check what a GPU computes, or the CPU with `--device cpu`: `gpu.py WHAT --device cuda|cpu`.

Runs as the image's user with the image's own Python. It prints the result as one line of JSON to standard
output and ends with 0; everything else goes to standard error. See gpu_checks.py.
"""

import argparse
import contextlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

if not __package__:
    # As in probe.py: this folder is the only part of dockwright, and -I leaves it out of the search path.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .gpu_checks import DEVICE, DEVICES, WHATS, answer
from .reading import Reading

LIBRARY = {"ctranslate2": "ctranslate2", "onnxruntime": "onnxruntime"}
"""The library that a check needs; torch for all others."""


def reading(what: str, device: str) -> Reading:
    """Make one check. A missing device or an error of a library is a failure with its message."""
    library = "" if what == DEVICE else LIBRARY.get(what, "torch")
    if library and importlib.util.find_spec(library) is None:
        return "skipped", f"{library} is not installed", {}
    try:
        return _reading(what, device)
    except Exception as error:
        traceback.print_exc()
        return "failed", f"{type(error).__name__}: {error}", {}


def _reading(what: str, device: str) -> Reading:
    # Each library is imported by the check that needs it: an image has only some of them.
    if what == DEVICE:
        from . import devices

        return devices.cuda() if device == "cuda" else devices.cpu()
    if what == "ctranslate2":
        from . import translator

        return translator.translation(device)
    if what == "onnxruntime":
        from . import onnx_model

        return onnx_model.inference(device)
    from . import tensor

    match what.split("-"):
        case ["matmul", kind]:
            return tensor.matmul(kind, device)
        case ["convolution"]:
            return tensor.convolution(device)
        case ["memory"]:
            return tensor.memory(device)
        case ["throughput"]:
            return tensor.throughput(device)
        case _:
            raise ValueError(f"unknown check {what!r}")


@contextlib.contextmanager
def answering() -> Iterator[int]:
    """Yield a descriptor of standard output, and redirect other writes to it to standard error."""
    sys.stdout.flush()
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        yield out
    finally:
        sys.stdout.flush()
        os.dup2(out, 1)
        os.close(out)


def main(argv: Sequence[str]) -> None:
    """Make the check that the command line names."""
    parser = argparse.ArgumentParser(
        prog="gpu.py", description="Check what a GPU computes.", allow_abbrev=False
    )
    parser.add_argument("what", choices=WHATS)
    parser.add_argument("--device", choices=DEVICES, required=True)
    arguments = parser.parse_args(argv)
    with answering() as out:
        line = answer(reading(arguments.what, arguments.device))
        sys.stderr.flush()
        os.write(out, f"{line}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1:])
