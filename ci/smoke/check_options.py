"""What the user asks of the checks. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What the checks are to do besides what every image gets.

    `gpu`: compute on a GPU where there is one; `require_gpu`: fail where there is none. `ledger`: skip what
    is recorded to have passed.
    """

    gpu: bool = False
    require_gpu: bool = False
    ledger: bool = True
