"""Diarization on a GPU: a pyannote.audio pipeline. Run on a CPU, not on a GPU."""

from __future__ import annotations

from pathlib import Path

from contract.audio import Samples
from contract.media import SAMPLE_RATE
from contract.model import loading
from contract.span import Span

CONFIG = "config.yaml"


def pyannote_turns(
    folder: Path, samples: Samples, speakers: int | None, device: str
) -> list[tuple[Span, str]]:
    """Return each speaker's spans, labelled by pyannote.

    Raises:
        ModelInvalidError: pyannote.audio refuses the pipeline or a checkpoint that it names.
    """
    import torch
    from pyannote.audio import Pipeline

    with loading(folder):
        pipeline = Pipeline.from_pretrained(str(folder / CONFIG))
        if pipeline is None:
            raise ValueError("it is no pipeline of pyannote.audio")
        pipeline.to(torch.device(device))
    sound = {"waveform": torch.from_numpy(samples).unsqueeze(0), "sample_rate": SAMPLE_RATE}
    found = pipeline(sound, num_speakers=speakers)
    return [
        (Span(start_s=round(max(segment.start, 0.0), 3), end_s=round(segment.end, 3)), str(label))
        for segment, _, label in found.itertracks(yield_label=True)
    ]
