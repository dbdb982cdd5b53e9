"""Descriptions of the layers of an image, which stay the same if the content changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from ci.steps.step import (
    Account,
    Apt,
    Entrypoint,
    Env,
    Files,
    From,
    Label,
    Libraries,
    Step,
    User,
    Venv,
    Wheels,
    Workdir,
)

Layers = Sequence[tuple[str, int]]


def layer_texts(steps: Sequence[Step]) -> tuple[str, ...]:
    """Return a description of each layer that `steps` make, the lowest first."""
    return tuple(text for step in steps for text in _texts(step))


def _texts(step: Step) -> list[str]:
    match step:
        case Account(name=name):
            return [f"account {name}"]
        case Apt():
            return ["Debian packages"]
        case Venv(path=path):
            return [f"virtual environment {path}"]
        case Wheels(name=name):
            return [f"Python packages ({name})"]
        case Libraries():
            return ["list of shared libraries"]
        case Files(target=target):
            return [f"files at {target}"]
        case From() | Env() | User() | Workdir() | Entrypoint() | Label():
            return []
        case _:
            assert_never(step)


def named_layers(layers: Layers, below: Layers, steps: Sequence[Step]) -> tuple[tuple[str, int], ...]:
    """Return (description, bytes) of each layer of `layers` that the parent's layers `below` lack.

    Without `below` the lowest layers are those of the external base image. If the number of layers does not
    match `steps`, as with an engine that makes other layers, they are only numbered.
    """
    texts = layer_texts(steps)
    own = layers[len(below) :] if tuple(layers[: len(below)]) == tuple(below) else layers
    if not below and len(own) > len(texts):
        base = len(own) - len(texts)
        lowest = [("external base image", sum(size for _, size in own[:base]))]
        return tuple(lowest + [(text, size) for text, (_, size) in zip(texts, own[base:], strict=True)])
    if len(own) != len(texts):
        return tuple((f"own layer {number}", size) for number, (_, size) in enumerate(own, 1))
    return tuple((text, size) for text, (_, size) in zip(texts, own, strict=True))
