"""pyannote's segmentation network on torch, through pyannote.audio. Run on a CPU, not on a GPU."""

from __future__ import annotations

from pathlib import Path

from contract.audio import Samples
from contract.media import SAMPLE_RATE
from contract.model import loading
from contract.span import Span


def torch_spans(checkpoint: Path, samples: Samples, device: str, shortest_s: float) -> list[Span]:
    """Return where somebody speaks.

    Raises:
        ModelInvalidError: pyannote.audio refuses the checkpoint.
    """
    import torch
    from pyannote.audio import Model
    from pyannote.audio.pipelines import VoiceActivityDetection

    with loading(checkpoint):
        model = Model.from_pretrained(str(checkpoint))
        if model is None:
            raise ValueError("it is no checkpoint of pyannote.audio")
        pipeline = VoiceActivityDetection(segmentation=model)
        pipeline.instantiate({"min_duration_on": shortest_s, "min_duration_off": 0.1})
        pipeline.to(torch.device(device))
    waveform = torch.from_numpy(samples).unsqueeze(0)
    found = pipeline({"waveform": waveform, "sample_rate": SAMPLE_RATE})
    return [
        Span(start_s=round(max(segment.start, 0.0), 3), end_s=round(segment.end, 3))
        for segment in found.get_timeline().support()
    ]
