"""How near numbers of a device are to those that they should be. Pure; standard library only."""

import math
from collections.abc import Sequence

from .reading import Reading

TOLERANCE = {"fp32": 1e-5, "fp16": 2.0**-10, "bf16": 2.0**-7}
"""Largest error of a product of two 512 x 512 matrices of normal numbers, as a part of its largest magnitude.

The inputs are rounded before both sides see them, so what differs is rounded inside. fp16 and bf16: 2^-11 and
2^-8 for the rounding of the result, and as much again for the sums, which are kept in fp32; sums in the type
itself err by seven times this. fp32: sums in whatever order err by less than 1e-6; TF32, which reads 11 bits
of each input, errs by 3e-4. Source: PyTorch, notes/numerical_accuracy (TF32, reduced precision reduction).
"""
CONVOLUTION = 5e-5
"""As fp32; cuDNN may choose Winograd's algorithm, which costs a digit. TF32 errs by five times this."""


def closeness(got: Sequence[float], want: Sequence[float], tolerance: float) -> Reading:
    """Compare `got` with `want`, number by number: no error is over `tolerance` of the largest of `want`.

    Numbers that are not finite fail, and so does a `want` that says nothing.
    """
    if len(got) != len(want):
        return "failed", f"{len(got)} numbers instead of {len(want)}", {}
    wild = sum(not math.isfinite(one) for one in got)
    if wild:
        return "failed", f"{wild} of {len(got)} numbers are not finite", {}
    largest = max(map(abs, want), default=0.0)
    if not 0 < largest < math.inf:
        return "failed", f"nothing to compare with: the largest magnitude of the reference is {largest:g}", {}
    error = max(abs(one - other) for one, other in zip(got, want, strict=True)) / largest
    detail = f"largest error {error:.1e} of the largest magnitude, at most {tolerance:.1e} allowed"
    return "passed" if error <= tolerance else "failed", detail, {"largest_error": error}
