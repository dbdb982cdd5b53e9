"""pyannote's segmentation network as ONNX, on onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from contract.audio import Samples
from contract.error import ModelInvalidError
from contract.media import SAMPLE_RATE
from contract.model import loading

Scores = npt.NDArray[np.float64]
KEYS = ("sample_rate", "window_size", "receptive_field_size", "receptive_field_shift")
"""Metadata of the exported model. Source: sherpa-onnx, scripts/pyannote/segmentation/export-onnx.py."""


class Segmentation:
    """Scores sound frame by frame: how probable it is that at least one speaker speaks.

    The network sees windows of fixed length and gives a class a frame: class 0 is nobody, the others are
    sets of speakers. Windows overlap by half, and frames that two of them see get the mean.
    """

    def __init__(self, path: Path) -> None:
        """Load the model.

        Raises:
            ModelInvalidError: onnxruntime refuses it, or it is no segmentation model for 16 kHz.
        """
        import onnxruntime

        with loading(path):
            session: Any = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            metadata = session.get_modelmeta().custom_metadata_map
        missing = [key for key in KEYS if not metadata.get(key, "").isdigit()]
        if missing:
            raise ModelInvalidError(f"{path}: its metadata lacks {', '.join(missing)}; is it a segmentation?")
        if int(metadata["sample_rate"]) != SAMPLE_RATE:
            raise ModelInvalidError(f"{path}: is for {metadata['sample_rate']} Hz, not {SAMPLE_RATE} Hz")
        self._path, self._session = path, session
        self._window = int(metadata["window_size"])
        self._shift = int(metadata["receptive_field_shift"])
        self._field = int(metadata["receptive_field_size"])

    @property
    def step_s(self) -> float:
        """Seconds from frame to frame."""
        return self._shift / SAMPLE_RATE

    def scores(self, samples: Samples) -> Scores:
        """Return the probability of speech of each frame; frame `i` is about `i * step_s`.

        Raises:
            ModelInvalidError: the network's answer has another form.
        """
        hop = self._window // 2 // self._shift * self._shift
        # A frame stands at the middle of its field, so the sound starts half a field late.
        sound = np.pad(samples, (self._field // 2, self._window))
        total = len(samples) // self._shift + 1
        sums, seen = np.zeros(total), np.zeros(total)
        for start in range(0, len(samples), hop):
            answer = self._answer(sound[start : start + self._window])
            first = start // self._shift
            kept = min(len(answer), total - first)
            sums[first : first + kept] += 1 - answer[:kept, 0]
            seen[first : first + kept] += 1
        return np.divide(sums, seen, out=np.zeros(total), where=seen > 0)

    def _answer(self, window: Samples) -> Scores:
        """Return the probability of each class in each frame of one window."""
        with loading(self._path):
            name = self._session.get_inputs()[0].name
            answer = np.asarray(self._session.run(None, {name: window[None, None, :]})[0], dtype=np.float64)
        if answer.ndim != 3 or answer.shape[2] < 2:
            raise ModelInvalidError(f"{self._path}: answers with shape {answer.shape}, not frames by classes")
        # Softmax: it leaves log-probabilities, which most exports give, as they are.
        powers = np.exp(answer[0] - answer[0].max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
