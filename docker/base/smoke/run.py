"""What base brings, at work: a stage of the shared contract reads a job and writes to it, or says why not."""

import argparse
import contextlib
import io
import sys

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

import numpy as np
from contract.audio import read_samples
from contract.error import InputError
from contract.job import Job
from contract.media import SAMPLE_RATE, Media
from contract.span import Span
from contract.speech import Speech
from contract.stage import Stage, run
from stage_run import StageRun


def hear(job: Job, _arguments: argparse.Namespace) -> None:
    """Write where the sound is loud, by the half second."""
    loud = np.abs(read_samples(job).reshape(-1, SAMPLE_RATE // 2)).max(axis=1) > 0.5
    spans = tuple(Span(start_s=index / 2, end_s=(index + 1) / 2) for index in np.flatnonzero(loud).tolist())
    job.write(Speech(detector="half seconds", spans=spans))


STAGE = Stage(name="check", summary="", reads=(), writes=(), body=hear, limits=())


def main() -> None:
    """Run the stage on a job that has its sound, and on one that has not."""
    check, log = StageRun("base"), io.StringIO()
    words = ["--job", str(check.folder)]
    with contextlib.redirect_stderr(log):
        without = run(STAGE, words)
    check.gives("the exit code of a stage without its input", without, InputError.exit_code)
    check.holds(
        "the log of that stage names media.json", "media.json: there is no such file" in log.getvalue()
    )
    time_s = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    check.sound(0.9 * np.sin(2 * np.pi * 440 * time_s) * (time_s >= 1.5))
    with contextlib.redirect_stderr(log):
        check.gives("the exit code of a stage with its input", run(STAGE, words), 0)
    check.gives("the length of the sound", check.read(Media).duration_s, 2.0)
    wanted = Speech(detector="half seconds", spans=(Span(start_s=1.5, end_s=2.0),))
    check.gives("what the stage wrote", check.read(Speech), wanted)
    print("a stage of the contract reads its job and writes to it")


if __name__ == "__main__":
    main()
