"""What was measured so far, kept in a JSON file as it comes, so that a run that broke off can go on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.peers.sizes import Layers

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One way in one round of one scenario; `error` is empty where all of `images` were brought up to date.

    `layers` and `layer_bytes` are what it made. `parts` are seconds of its single commands.
    """

    seconds: float = 0.0
    cpu_s: float = 0.0
    received: int = 0
    context: int = 0
    peak: int = 0
    images: int = 0
    layers: int = 0
    layer_bytes: int = 0
    fetch_s: float = 0.0
    parts: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def what_failed(self) -> str:
        """The first and the last line of the error."""
        lines = [line.strip() for line in self.error.splitlines() if line.strip()]
        return " … ".join(dict.fromkeys((*lines[:1], *lines[-1:])))[:400]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An image as a way built it from nothing: its layers, and the bytes of its files by group."""

    layers: Layers
    contents: Mapping[str, int]


@dataclass(slots=True)
class Results:
    """Runs by `scenario/way/round` and images by `way/image:variant`, for the images `scope`."""

    path: Path
    scope: Sequence[str]
    facts: dict[str, str] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    images: dict[str, Built] = field(default_factory=dict)

    def write(self) -> None:
        """Write the file, whole."""
        value = {
            "schema": SCHEMA,
            "scope": list(self.scope),
            "facts": self.facts,
            "runs": {key: asdict(run) for key, run in self.runs.items()},
            "images": {key: asdict(image) for key, image in self.images.items()},
        }
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(value, indent=1) + "\n")
        part.replace(self.path)

    def done(self, scenario: str, way: str, number: int) -> bool:
        """Whether a run is there, and went well."""
        run = self.runs.get(f"{scenario}/{way}/{number}")
        return run is not None and not run.error

    def of(self, scenario: str, way: str) -> list[Run]:
        """Return the runs of a scenario by a way, in the order of their rounds."""
        start = f"{scenario}/{way}/"
        keys = sorted(
            (key for key in self.runs if key.startswith(start)), key=lambda key: int(key[len(start) :])
        )
        return [self.runs[key] for key in keys]

    def layers(self, way: str) -> dict[str, Layers]:
        """Return the layers of each image that a way built from nothing."""
        return {
            key.partition("/")[2]: image.layers
            for key, image in self.images.items()
            if key.partition("/")[0] == way
        }


def read_results(path: Path, scope: Sequence[str]) -> Results:
    """Return the results in a file, made for the images `scope`.

    Raises:
        SystemExit: there is none, or it was made for other images.
    """
    if not path.is_file():
        raise SystemExit(f"{path}: nothing to go on from; start without --resume")
    value: dict[str, Any] = json.loads(path.read_text())
    if value.get("schema") != SCHEMA or value["scope"] != list(scope):
        raise SystemExit(
            f"{path}: made for {', '.join(value['scope'])}; give the same --scope, or leave --resume out"
        )
    images = {
        key: Built(
            layers=tuple((digest, size) for digest, size in image["layers"]), contents=image["contents"]
        )
        for key, image in value["images"].items()
    }
    runs = {key: Run(**run) for key, run in value["runs"].items()}
    return Results(path=path, scope=scope, facts=value["facts"], runs=runs, images=images)
