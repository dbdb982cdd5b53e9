"""The events of a run in which one image fails, for the tests of what is made of them."""

from ci.report.check import Check, Rung, Status
from ci.report.events import (
    Checked,
    Details,
    Event,
    Failure,
    PlannedTask,
    RunEnded,
    RunStarted,
    Step,
    TaskEnded,
    TaskStarted,
    Warned,
)
from ci.report.outcome import Outcome

KEY = "sha256:" + "3f2a91c04d5e" + "0" * 52

STARTED = RunStarted(
    argv=("dockwright", "build-all"),
    started_at="2026-01-02T03:04:05+00:00",
    settings={"engine": "buildah"},
    versions={"dockwright": "0.1.0"},
    tasks=(
        PlannedTask(id="wheelhouse:cpu"),
        PlannedTask(id="base:cpu", image="base", variant="cpu"),
        PlannedTask(id="base-ml:cpu", image="base-ml", variant="cpu", needs=("base:cpu",)),
        PlannedTask(id="asr:cpu", image="asr", variant="cpu", needs=("base-ml:cpu",)),
    ),
    capacity=2,
)
FAILURE = Failure(
    message="docker/base-ml: step 4 (Wheels) failed:\nonnxruntime has no wheel",
    last_lines=("Resolved 31 packages", "error: no wheel"),
    log="logs/base-ml-cpu.log",
)
RUN: tuple[Event, ...] = (
    STARTED,
    TaskStarted(task="wheelhouse:cpu", log="logs/wheelhouse-cpu.log", time_s=0.1),
    TaskEnded(
        task="wheelhouse:cpu",
        outcome=Outcome.built,
        seconds=34.0,
        details=Details(metrics={"wheels": 31}),
        time_s=34.1,
    ),
    TaskStarted(task="base:cpu", log="logs/base-cpu.log", time_s=34.1),
    TaskEnded(
        task="base:cpu",
        outcome=Outcome.reused,
        seconds=0.1,
        details=Details(
            key=KEY, reason="its key is in the store", unpacked_bytes=170_000_000, unique_bytes=1234
        ),
        time_s=34.2,
    ),
    TaskStarted(task="base-ml:cpu", log="logs/base-ml-cpu.log", time_s=34.2),
    Step(task="base-ml:cpu", text="Wheels", time_s=35.0),
    Warned(task="base-ml:cpu", text="the cache can't be read", time_s=36.0),
    TaskEnded(task="base-ml:cpu", outcome=Outcome.failed, seconds=61.0, failure=FAILURE, time_s=95.2),
    TaskEnded(task="asr:cpu", outcome=Outcome.blocked, blocked_by=("base-ml:cpu",), time_s=95.2),
    RunEnded(exit_code=6, time_s=95.3),
)

CPU_CHECKS = (
    Check(name="config: user", status=Status.passed, seconds=0.1),
    Check(name="size budget", status=Status.skipped, rung=Rung.size, detail="no budget in image.toml"),
    Check(name="import torch", status=Status.passed, rung=Rung.imports, seconds=2.0, recorded=True),
)
CUDA_CHECKS = (
    Check(name="config: user", status=Status.passed),
    Check(name="config: labels", status=Status.passed),
    Check(name="size budget", status=Status.skipped, rung=Rung.size, detail="no budget in image.toml"),
    Check(
        name="import torch",
        status=Status.failed,
        rung=Rung.imports,
        detail="ImportError: libcudnn.so.9\nTraceback:\n  in torch",
        seconds=2.0,
    ),
    Check(name="import numpy", status=Status.failed, rung=Rung.imports, detail="no module"),
    Check(name="--help", status=Status.blocked, rung=Rung.programs, blocked_by="import torch"),
    Check(name="device", status=Status.skipped, rung=Rung.gpu, detail="no GPU here"),
    Check(name="matmul", status=Status.skipped, rung=Rung.gpu, detail="no GPU here"),
)
CHECKED_RUN: tuple[Event, ...] = (
    STARTED.model_copy(
        update={
            "tasks": (
                PlannedTask(id="base:cpu", image="base", variant="cpu"),
                PlannedTask(id="asr:cpu", image="asr", variant="cpu", needs=("base:cpu",)),
                PlannedTask(id="asr:cuda", image="asr", variant="cuda", needs=("base:cpu",)),
            )
        }
    ),
    TaskStarted(task="base:cpu", time_s=0.1),
    Checked(task="base:cpu", checks=CPU_CHECKS, time_s=0.2),
    TaskEnded(
        task="base:cpu",
        outcome=Outcome.reused,
        seconds=0.1,
        details=Details(
            key=KEY, reason="its key is in the store", unpacked_bytes=170_000_000, unique_bytes=1234
        ),
        time_s=0.2,
    ),
    TaskStarted(task="asr:cpu", time_s=0.2),
    Checked(task="asr:cpu", checks=CPU_CHECKS, time_s=3.0),
    TaskEnded(
        task="asr:cpu",
        outcome=Outcome.built,
        seconds=3.0,
        details=Details(key=KEY, reason="never built", unpacked_bytes=1_700_000_000, unique_bytes=70_000_000),
        time_s=3.2,
    ),
    TaskStarted(task="asr:cuda", time_s=3.2),
    Checked(task="asr:cuda", checks=CUDA_CHECKS, time_s=9.0),
    TaskEnded(
        task="asr:cuda",
        outcome=Outcome.failed,
        seconds=6.0,
        failure=Failure(
            message="asr:cuda: 2 of 8 checks failed; it is not tagged:\n  import torch: ImportError",
            error="SmokeError",
            exit_code=7,
        ),
        time_s=9.2,
    ),
    RunEnded(exit_code=7, time_s=9.3),
)
"""One image passed, one is there, and two checks of a third failed."""
