"""The job's sound as samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contract.error import InputError
from contract.job import Job
from contract.media import SAMPLE_RATE, Media

Samples = npt.NDArray[np.float32]
"""Mono sound, 16,000 samples a second, from -1 to 1."""


def read_samples(job: Job) -> Samples:
    """Return the whole sound: one dimension, float32 from -1 to 1, 16,000 a second (230 MB an hour).

    Raises:
        InputError: demux has not run, or the sound is not what it wrote.
    """
    import soundfile

    path = job.file(job.read(Media).audio.file, written_by=Media.written_by)
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: is no sound that can be read ({error}); run demux again") from error
    if rate != SAMPLE_RATE or samples.shape[1] != 1:
        raise InputError(
            f"{path}: has {samples.shape[1]} channels of {rate} Hz, not one of {SAMPLE_RATE} Hz;"
            " run demux again"
        )
    if not len(samples):
        raise InputError(f"{path}: holds no sound; run demux again")
    channel: Samples = samples[:, 0]
    return channel
