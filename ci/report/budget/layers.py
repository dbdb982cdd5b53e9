"""What each layer of an image has, in a few words that stay the same while its content changes. Pure."""

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
    """Return what each layer has that `steps` make, from the lowest up."""
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
        case Files(copies=copies):
            return [f"files at {copy.target}" for copy in copies]
        case From() | Env() | User() | Workdir() | Entrypoint() | Label():
            return []
        case _:
            assert_never(step)


def named_layers(layers: Layers, below: Layers, steps: Sequence[Step]) -> tuple[tuple[str, int], ...]:
    """Return (what it has, bytes) of each layer of `layers` that `below`, the parent's, has not.

    Without the parent's the lowest ones are those of the outside image. Layers that can't be told apart by
    `steps`, as of an engine that counts them otherwise, have only their place.
    """
    texts = layer_texts(steps)
    own = layers[len(below) :] if tuple(layers[: len(below)]) == tuple(below) else layers
    if not below and len(own) > len(texts):
        outside = len(own) - len(texts)
        lowest = [("outside image", sum(size for _, size in own[:outside]))]
        return tuple(lowest + [(text, size) for text, (_, size) in zip(texts, own[outside:], strict=True)])
    if len(own) != len(texts):
        return tuple((f"layer {place} of its own", size) for place, (_, size) in enumerate(own, 1))
    return tuple((text, size) for text, (_, size) in zip(texts, own, strict=True))
