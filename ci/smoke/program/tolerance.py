"""Compare the numbers of a device with the reference. Pure; standard library only."""

import math
from collections.abc import Sequence

from .reading import Reading

TOLERANCE = {"fp32": 1e-5, "fp16": 2.0**-10, "bf16": 2.0**-7}
"""The error limit of a product of two 512 x 512 matrices of normal numbers, relative to its maximum.

The inputs are rounded before both sides read them, so only rounding inside differs. fp16 and bf16: 2^-11
and 2^-8 for the rounding of the result, and the same again for the sums, which are in fp32; sums in the type
itself err by seven times this. fp32: sums in any order err by less than 1e-6; TF32, which reads 11 bits of
each input, errs by 3e-4. Source: PyTorch, notes/numerical_accuracy (TF32, reduced precision reduction).
"""
CONVOLUTION = 5e-5
"""Larger than for fp32: cuDNN may choose Winograd's algorithm, which is less exact.

TF32 errs by five times this.
"""


def closeness(got: Sequence[float], want: Sequence[float], tolerance: float) -> Reading:
    """Compare `got` with `want`: no error may be over `tolerance` times the largest magnitude of `want`.

    Numbers that are not finite fail, and so does a `want` of zeros.
    """
    if len(got) != len(want):
        return "failed", f"{len(got)} numbers instead of {len(want)}", {}
    not_finite = sum(not math.isfinite(one) for one in got)
    if not_finite:
        return "failed", f"{not_finite} of {len(got)} numbers are not finite", {}
    largest = max(map(abs, want), default=0.0)
    if not 0 < largest < math.inf:
        return "failed", f"nothing to compare with: the largest magnitude of the reference is {largest:g}", {}
    error = max(abs(one - other) for one, other in zip(got, want, strict=True)) / largest
    detail = f"largest error {error:.1e} of the largest magnitude, limit {tolerance:.1e}"
    return "passed" if error <= tolerance else "failed", detail, {"largest_error": error}
