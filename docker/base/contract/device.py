"""Where a model computes."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Literal

from contract.error import DeviceError
from contract.log import logger

Device = Literal["cpu", "cuda"]


def device_option(parser: argparse.ArgumentParser) -> None:
    """Add `--device`."""
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute (auto: a GPU where there is one)",
    )


def chosen_device(asked: str) -> Device:
    """Return the device to compute on. The CPU variants carry no torch and know no GPU.

    Raises:
        DeviceError: a GPU is asked for and there is none to use.
    """
    if asked == "cpu" or (asked == "auto" and find_spec("torch") is None):
        return "cpu"
    if find_spec("torch") is None:
        raise DeviceError("--device cuda: this image has no CUDA libraries; use the image's cuda variant")
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if asked == "cuda":
        raise DeviceError("--device cuda: no GPU is visible here; give the container one (--gpus all)")
    logger.warning("no GPU", extra={"device": "cpu"})
    return "cpu"
