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
"""What is taken and given back: large beside what a library keeps for itself."""
LEFT_BYTES = 2**26
"""May be missing afterwards: libraries and the allocator keep some MiB, and others may use the GPU."""
ROUNDS = 4
FAST_SIDE = {"cuda": 8192, "cpu": 512}
"""Of the matrices whose product is timed: what keeps a GPU busy would take a CPU minutes."""
FAST_ROUNDS = 10
_MIB = 2**20


def matmul(kind: str, device: str) -> Reading:
    """The product of two seeded matrices, TF32 and sums of less than fp32 switched off."""
    if why := lacking(kind, device):
        return "skipped", why, {}
    exact()
    random = torch.Generator().manual_seed(SEED)
    left, right = (torch.randn(SIDE, SIDE, generator=random).to(KINDS[kind]) for _ in range(2))
    want = left.double() @ right.double()
    got = (left.to(device) @ right.to(device)).cpu().double()
    return closeness(got.flatten().tolist(), want.flatten().tolist(), TOLERANCE[kind])


def convolution(device: str) -> Reading:
    """A convolution in fp32, on a GPU by cuDNN itself, so that nothing else can stand in for it."""
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
    status, detail, figures = closeness(
        got.cpu().double().flatten().tolist(), want.flatten().tolist(), CONVOLUTION
    )
    return status, f"{by}: {detail}", figures


def memory(device: str) -> Reading:
    """Memory that was taken is there as before when it was given back; of a CPU, the process's own."""
    block = BLOCK_BYTES[device]
    _held(device, block)  # what is set up once stays
    before = used_bytes(device)
    held = min(_held(device, block) for _ in range(ROUNDS)) - before
    left = used_bytes(device) - before
    taken = f"{held / _MIB:.0f} MiB of {block // _MIB} were held"
    kept = f"{left / _MIB:.0f} MiB are left after {ROUNDS} rounds, at most {LEFT_BYTES // _MIB} allowed"
    good = held >= block - LEFT_BYTES and left <= LEFT_BYTES
    return "passed" if good else "failed", f"{taken}, {kept}", {"held_bytes": held, "left_bytes": left}


def _held(device: str, block_bytes: int) -> int:
    """Take a block and give it back; return what was used while it was held."""
    block = torch.ones(block_bytes, dtype=torch.uint8, device=device)
    held = used_bytes(device)
    del block
    if device == "cuda":
        torch.cuda.empty_cache()
    return held


def used_bytes(device: str) -> int:
    """Return the memory of the GPU that somebody uses, or of this process what is in memory.

    Source: proc(5), /proc/pid/statm: the second number is resident, in pages.
    """
    if device == "cuda":
        torch.cuda.synchronize()
        free, total = torch.cuda.mem_get_info()
        return int(total - free)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def throughput(device: str) -> Reading:
    """How fast matrices of the short types are multiplied: a record, not a limit."""
    figures = {}
    for kind in ("fp16", "bf16"):
        if not lacking(kind, device):
            figures[f"{kind}_tflops"] = tflops(kind, device)
    shown = ", ".join(f"{name[:4]} {value:.3g} TFLOP/s" for name, value in figures.items())
    good = all(math.isfinite(value) and value > 0 for value in figures.values())
    return "passed" if good else "failed", f"{shown} at {FAST_SIDE[device]} x {FAST_SIDE[device]}", figures


def tflops(kind: str, device: str) -> float:
    """Return the speed of a product: two operations for each of side^3 pairs of numbers."""
    side = FAST_SIDE[device]
    one = torch.ones(side, side, dtype=KINDS[kind], device=device)
    seconds = 0.0
    for rounds in (1, FAST_ROUNDS):  # the first one sets up what is needed
        wait(device)
        begin = time.perf_counter()
        for _ in range(rounds):
            one @ one
        wait(device)
        seconds = time.perf_counter() - begin
    return 2 * side**3 * FAST_ROUNDS / seconds / 1e12


def wait(device: str) -> None:
    """Wait until a device has done all that it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def exact() -> None:
    """Switch off what makes products faster and less exact. Source: PyTorch, notes/numerical_accuracy."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False


def lacking(kind: str, device: str) -> str:
    """Return why a GPU has no such type, empty when it has: bfloat16 came with compute capability 8.0."""
    if kind != "bf16" or device != "cuda":
        return ""
    major, minor = torch.cuda.get_device_capability()
    return "" if major >= 8 else f"compute capability {major}.{minor} has no bfloat16"
