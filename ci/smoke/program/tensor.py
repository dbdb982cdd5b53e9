"""What torch computes on a device, against the CPU in float64. Needs torch."""

import math
import os
import time
from pathlib import Path

import torch

from .reading import Reading
from .tolerance import CONVOLUTION, TOLERANCE, closeness

KINDS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
SEED, SIDE = 20, 512
BATCH, CHANNELS, FILTERS, PIXELS, KERNEL = 4, 16, 32, 48, 3
BLOCK_BYTES = {"cuda": 2**30, "cpu": 2**27}
"""The size of the block that is allocated and freed. It is large compared to what a library reserves."""
LEAK_BYTES = 2**26
"""The limit of what is not freed: libraries reserve some MiB, and other programs may use the GPU."""
ROUNDS = 4
FAST_SIDE = {"cuda": 8192, "cpu": 512}
"""The side of the matrices whose product is timed. The size for a GPU would take a CPU minutes."""
FAST_ROUNDS = 10
_MIB = 2**20


def matmul(kind: str, device: str) -> Reading:
    """The product of two seeded matrices; TF32 and sums in less than fp32 are switched off."""
    if reason := unsupported(kind, device):
        return "skipped", reason, {}
    exact()
    random = torch.Generator().manual_seed(SEED)
    left, right = (torch.randn(SIDE, SIDE, generator=random).to(KINDS[kind]) for _ in range(2))
    want = left.double() @ right.double()
    got = (left.to(device) @ right.to(device)).cpu().double()
    return closeness(got.flatten().tolist(), want.flatten().tolist(), TOLERANCE[kind])


def convolution(device: str) -> Reading:
    """A convolution in fp32; on a GPU cuDNN is called directly, so that no other library computes it."""
    exact()
    random = torch.Generator().manual_seed(SEED)
    image = torch.randn(BATCH, CHANNELS, PIXELS, PIXELS, generator=random)
    filters = torch.randn(FILTERS, CHANNELS, KERNEL, KERNEL, generator=random)
    want = torch.nn.functional.conv2d(image.double(), filters.double(), padding=1)
    if device == "cuda":
        by = f"cuDNN {torch.backends.cudnn.version()}"
        got = torch.cudnn_convolution(
            image.to(device), filters.to(device), (1, 1), (1, 1), (1, 1), 1, False, True, False
        )  # padding, stride, dilation, groups, benchmark, deterministic, allow_tf32
    else:
        by = "the CPU's own"
        got = torch.nn.functional.conv2d(image, filters, padding=1)
    status, detail, metrics = closeness(
        got.cpu().double().flatten().tolist(), want.flatten().tolist(), CONVOLUTION
    )
    return status, f"{by}: {detail}", metrics


def memory(device: str) -> Reading:
    """Allocated memory is free again after it was freed; for a CPU, the memory of the process."""
    block = BLOCK_BYTES[device]
    _allocated(device, block)  # the first time sets up what stays
    before = used_bytes(device)
    allocated = min(_allocated(device, block) for _ in range(ROUNDS)) - before
    leaked = used_bytes(device) - before
    allocated_text = f"{allocated / _MIB:.0f} MiB of {block // _MIB} MiB were allocated"
    leaked_text = (
        f"{leaked / _MIB:.0f} MiB were not freed after {ROUNDS} rounds, limit {LEAK_BYTES // _MIB} MiB"
    )
    status = "passed" if allocated >= block - LEAK_BYTES and leaked <= LEAK_BYTES else "failed"
    metrics = {"allocated_bytes": allocated, "leaked_bytes": leaked}
    return status, f"{allocated_text}, {leaked_text}", metrics


def _allocated(device: str, block_bytes: int) -> int:
    """Allocate a block and free it; return the used memory before it was freed."""
    block = torch.ones(block_bytes, dtype=torch.uint8, device=device)
    used = used_bytes(device)
    del block
    if device == "cuda":
        torch.cuda.empty_cache()
    return used


def used_bytes(device: str) -> int:
    """Return the used memory of the GPU, by all programs, or the resident memory of this process.

    Source: proc(5), /proc/pid/statm: the second number is resident, in pages.
    """
    if device == "cuda":
        torch.cuda.synchronize()
        free, total = torch.cuda.mem_get_info()
        return int(total - free)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def throughput(device: str) -> Reading:
    """The speed of products in the 16-bit types. It is recorded, without a limit."""
    metrics = {}
    for kind in ("fp16", "bf16"):
        if not unsupported(kind, device):
            metrics[f"{kind}_tflops"] = tflops(kind, device)
    shown = ", ".join(f"{name[:4]} {value:.3g} TFLOP/s" for name, value in metrics.items())
    good = all(math.isfinite(value) and value > 0 for value in metrics.values())
    return "passed" if good else "failed", f"{shown} at {FAST_SIDE[device]} x {FAST_SIDE[device]}", metrics


def tflops(kind: str, device: str) -> float:
    """Return the speed of a product in TFLOP/s: two operations for each of side^3 pairs of numbers."""
    side = FAST_SIDE[device]
    one = torch.ones(side, side, dtype=KINDS[kind], device=device)
    seconds = 0.0
    for rounds in (1, FAST_ROUNDS):  # the first one warms up
        wait(device)
        begin = time.perf_counter()
        for _ in range(rounds):
            one @ one
        wait(device)
        seconds = time.perf_counter() - begin
    return 2 * side**3 * FAST_ROUNDS / seconds / 1e12


def wait(device: str) -> None:
    """Wait until a device has finished its work."""
    if device == "cuda":
        torch.cuda.synchronize()


def exact() -> None:
    """Switch off faster, less exact products. Source: PyTorch, notes/numerical_accuracy."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False


def unsupported(kind: str, device: str) -> str:
    """Return why a GPU does not support a type, empty if it does: bfloat16 needs compute capability 8.0."""
    if kind != "bf16" or device != "cuda":
        return ""
    major, minor = torch.cuda.get_device_capability()
    return "" if major >= 8 else f"compute capability {major}.{minor} has no bfloat16"
