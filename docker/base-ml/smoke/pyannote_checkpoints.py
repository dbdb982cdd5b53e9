"""Saves two small networks of pyannote.audio's own classes, with weights set by hand, to the folder argv[1].

`pytorch_model.bin` is a PyanNet: it hears speech where the sound is loud, and tells a low sound from a high
one where a window holds both. `embedding.bin` is an XVectorMFCC: it goes by how much lies in low and in high
bands. `config.yaml` is a pipeline of the two. Runs in the images that have pyannote.audio.
"""

import sys
from pathlib import Path

import torch
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import XVectorMFCC
from pyannote.audio.models.segmentation import PyanNet

WINDOW_S = 10.0
OPEN, SHUT, STRONG, NEVER = 20.0, -20.0, 20.0, -100.0
BAND = 40
"""Filters of SincNet's first layer from low to high pitch; it has them twice, with another phase."""
TILT = 1
"""The cepstral coefficient that is positive where low bands are the louder ones."""
PIPELINE = """\
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    embedding: {folder}/embedding.bin
    embedding_exclude_overlap: true
    segmentation: {folder}/pytorch_model.bin
params:
  clustering:
    method: centroid
    min_cluster_size: 1
    threshold: 0.7
  segmentation:
    min_duration_off: 0.0
"""


def clear(*layers: torch.nn.Module) -> None:
    for layer in layers:
        for weights in layer.parameters():
            weights.zero_()


def segmentation() -> PyanNet:
    """Return the network; its four channels are how loud it is and how low, each with its opposite."""
    made = PyanNet(
        sincnet={"stride": 10},
        lstm={"hidden_size": 2, "num_layers": 1, "bidirectional": False},
        linear={"num_layers": 0},
    )
    made.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=WINDOW_S,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    made.build()
    with torch.no_grad():
        clear(*made.sincnet.conv1d[1:], made.lstm, made.classifier)
        low = torch.tensor([1.0] * (BAND // 2) + [-1.0] * (BAND - BAND // 2)).repeat(2)
        for channel, weights in enumerate((torch.ones(2 * BAND), -torch.ones(2 * BAND), low, -low)):
            made.sincnet.conv1d[1].weight[channel] = weights[:, None] / 5
        for channel, (same, opposite) in enumerate(((0, 1), (1, 0), (2, 3), (3, 2))):
            made.sincnet.conv1d[2].weight[channel, same] = 0.2
            made.sincnet.conv1d[2].weight[channel, opposite] = -0.2
        # Gates of the LSTM, two rows each: input, forget, cell, output. It remembers nothing.
        made.lstm.bias_ih_l0.copy_(torch.tensor([OPEN, OPEN, SHUT, SHUT, 0.0, 0.0, OPEN, OPEN]))
        for unit in (0, 1):
            made.lstm.weight_ih_l0[4 + unit, 2 * unit] = 1.0
            made.lstm.weight_ih_l0[4 + unit, 2 * unit + 1] = -1.0
        loud, deep = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
        made.classifier.weight[0] = -STRONG * loud
        made.classifier.weight[1] = STRONG * (loud + deep)
        made.classifier.weight[2] = STRONG * (loud - deep)
        made.classifier.bias[0] = 1.0
        made.classifier.bias[3:] = NEVER
    return made


def embedding() -> XVectorMFCC:
    """Return the network; it gives how much lower than high the sound is, and how much higher than low."""
    made = XVectorMFCC(dimension=2)
    made.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=WINDOW_S, classes=[]
    )
    made.build()
    with torch.no_grad():
        layers = [layer for layer in made.tdnns if isinstance(layer, torch.nn.Conv1d)]
        clear(*layers, made.embedding)
        middle = layers[0].kernel_size[0] // 2
        layers[0].weight[0, TILT, middle], layers[0].weight[1, TILT, middle] = 1.0, -1.0
        for layer in layers[1:]:
            middle = layer.kernel_size[0] // 2
            layer.weight[0, 0, middle] = layer.weight[1, 1, middle] = 1.0
        made.embedding.weight[0, 0] = made.embedding.weight[1, 1] = 1.0
    return made


def save(model: Model, path: Path) -> None:
    """Save `model` as Model.from_pretrained reads it: in Lightning's form, with a part of pyannote's own."""
    checkpoint = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pytorch-lightning_version": "2.5.0",
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)


def main(folder: str) -> None:
    save(segmentation(), Path(folder) / "pytorch_model.bin")
    save(embedding(), Path(folder) / "embedding.bin")
    (Path(folder) / "config.yaml").write_text(PIPELINE.format(folder=folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
