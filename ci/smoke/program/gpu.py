"""Check what a GPU does, or with `--device cpu` what the CPU does: `gpu.py WHAT --device cuda|cpu`.

Runs as the image's user with the image's own Python. One JSON line on the standard output says what was
found, and status 0 that this line is there; all else goes to the standard error output. See gpu_checks.py.
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
    # As in probe.py: this folder is all that there is of dockwright, and -I leaves it out of the search path.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .gpu_checks import DEVICE, DEVICES, WHATS, answer
from .reading import Reading

LIBRARY = {"ctranslate2": "ctranslate2", "onnxruntime": "onnxruntime"}
"""What a check needs installed; torch where nothing is said."""


def reading(what: str, device: str) -> Reading:
    """Make one check; a device that is gone, or an error of a library, is a failure with its words."""
    library = "" if what == DEVICE else LIBRARY.get(what, "torch")
    if library and importlib.util.find_spec(library) is None:
        return "skipped", f"{library} is not installed", {}
    try:
        return _reading(what, device)
    except Exception as error:
        traceback.print_exc()
        return "failed", f"{type(error).__name__}: {error}", {}


def _reading(what: str, device: str) -> Reading:
    # Each library is imported by the check that needs it: an image has some of them.
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
            raise ValueError(f"no check {what!r}")


@contextlib.contextmanager
def answering() -> Iterator[int]:
    """Give a descriptor of the standard output, and let all else that writes there reach the error output."""
    sys.stdout.flush()
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        yield out
    finally:
        sys.stdout.flush()
        os.dup2(out, 1)
        os.close(out)


def main(words: Sequence[str]) -> None:
    """Make the check that the command line names."""
    parser = argparse.ArgumentParser(prog="gpu.py", description="Check what a GPU does.", allow_abbrev=False)
    parser.add_argument("what", choices=WHATS)
    parser.add_argument("--device", choices=DEVICES, required=True)
    arguments = parser.parse_args(words)
    with answering() as out:
        line = answer(reading(arguments.what, arguments.device))
        sys.stderr.flush()
        os.write(out, f"{line}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1:])
