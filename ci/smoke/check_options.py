"""The options of the checks. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """Options for the checks of all images.

    `gpu`: compute on a GPU if the machine has one. `require_gpu`: fail if it has none. `ledger`: skip checks
    that are recorded as passed.
    """

    gpu: bool = False
    require_gpu: bool = False
    ledger: bool = True
