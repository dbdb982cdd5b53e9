"""Diarization on a CPU: sherpa-onnx with a segmentation and a speaker-embedding network."""

from __future__ import annotations

from pathlib import Path

from contract.audio import Samples
from contract.error import ModelInvalidError
from contract.model import loading
from contract.span import Span

SEGMENTATION, EMBEDDING = "segmentation.onnx", "embedding.onnx"
KEYS = {
    SEGMENTATION: (
        "num_speakers",
        "powerset_max_classes",
        "num_classes",
        "window_size",
        "receptive_field_size",
        "receptive_field_shift",
    ),
    EMBEDDING: ("output_dim", "sample_rate", "normalize_samples", "framework"),
}
"""Metadata that sherpa-onnx can't do without: it ends the whole process when one is missing."""


def sherpa_turns(
    folder: Path, samples: Samples, speakers: int | None, threshold: float
) -> list[tuple[Span, str]]:
    """Return each speaker's spans, labelled by number.

    Raises:
        ModelInvalidError: a network is refused, or lacks metadata.
    """
    import sherpa_onnx

    for file, keys in KEYS.items():
        _check(folder / file, keys)
    with loading(folder):
        config = sherpa_onnx.OfflineSpeakerDiarizationConfig(
            segmentation=sherpa_onnx.OfflineSpeakerSegmentationModelConfig(
                pyannote=sherpa_onnx.OfflineSpeakerSegmentationPyannoteModelConfig(
                    model=str(folder / SEGMENTATION)
                )
            ),
            embedding=sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=str(folder / EMBEDDING)),
            clustering=sherpa_onnx.FastClusteringConfig(num_clusters=speakers or -1, threshold=threshold),
            min_duration_on=0.2,
            min_duration_off=0.3,
        )
        if not config.validate():
            raise ValueError("sherpa-onnx refuses the configuration")
        result = sherpa_onnx.OfflineSpeakerDiarization(config).process(samples)
    return [
        (Span(start_s=max(round(turn.start, 3), 0.0), end_s=round(turn.end, 3)), str(turn.speaker))
        for turn in result.sort_by_start_time()
        if round(turn.end, 3) > max(round(turn.start, 3), 0.0)
    ]


def _check(path: Path, keys: tuple[str, ...]) -> None:
    """Look at the network before sherpa-onnx does."""
    import onnxruntime

    with loading(path):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        metadata = session.get_modelmeta().custom_metadata_map
    missing = [key for key in keys if key not in metadata]
    if missing:
        raise ModelInvalidError(
            f"{path}: its metadata lacks {', '.join(missing)}; sherpa-onnx needs a network exported for it"
        )
