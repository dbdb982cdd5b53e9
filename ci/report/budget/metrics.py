"""The metrics of an image: bytes, seconds, and their parts. Pure. None stands for not measured."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError

from ci.bounded.parse import parse_json
from ci.report.check import Check, Rung
from ci.report.value import Value

Layers = Sequence[tuple[str, int]]
"""(digest, bytes unpacked), from the lowest up."""

TIMES = ("import_s", "build_ratio")
MEASURED = (
    "unpacked_bytes",
    "compressed_bytes",
    "unique_bytes",
    "shared_bytes",
    *TIMES,
    "distributions",
    "packages",
)
"""The metrics that may be missing for an available image."""


class Metrics(Value):
    """The metrics of one image variant.

    Sizes are of the whole image. `unique_bytes` and `shared_bytes` are the two parts of `unpacked_bytes`:
    layers that no other image of the variant has, and the others. `compressed_bytes` is the size of its
    layers as they are pushed. `build_ratio` is the processor time (user mode) of building it, as a
    multiple of that of the machine's reference benchmark.

    `layers` (description and unpacked bytes, the lowest first), `distributions` (Python) and `packages`
    (Debian; bytes each) are what it adds to its `parent`. Both maps are None if its contents were not read.
    """

    image: str
    variant: str
    key: str
    parent: str
    unpacked_bytes: int | None = None
    compressed_bytes: int | None = None
    unique_bytes: int | None = None
    shared_bytes: int | None = None
    import_s: float | None = None
    build_ratio: float | None = None
    layers: tuple[tuple[str, int], ...] = ()
    distributions: dict[str, int] | None = None
    packages: dict[str, int] | None = None

    @property
    def id(self) -> str:
        """`image:variant`."""
        return f"{self.image}:{self.variant}"


class Baseline(Value):
    """Metrics to compare with, from a committed file or from a release; schema 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    baseline_schema: Literal[1] = Field(default=1, alias="schema")
    images: tuple[Metrics, ...] = ()

    def get(self, id_: str) -> Metrics | None:
        """Return the metrics of `image:variant`, None if they are not in it."""
        return next((one for one in self.images if one.id == id_), None)

    def with_(self, metrics: Iterable[Metrics], known: Collection[str]) -> Baseline:
        """Return this baseline with `metrics` in place of those of the same images; only `known` images stay.

        Values of the same key stay if they were not measured again, and so do times, since they differ with
        every measurement.
        """
        old = {one.id: one for one in self.images if one.id in known}
        new = {one.id: carried(one, old.get(one.id), times=True) for one in metrics}
        return Baseline(images=tuple(one for _, one in sorted({**old, **new}.items())))

    def as_json(self) -> str:
        """Return the text of the file: equal metrics give equal bytes."""
        stable = [
            one.model_copy(
                update={name: _sorted(getattr(one, name)) for name in ("distributions", "packages")}
            )
            for one in sorted(self.images, key=lambda one: one.id)
        ]
        return Baseline(images=tuple(stable)).model_dump_json(indent=1, exclude_none=True) + "\n"


def read_baseline(data: bytes) -> Baseline:
    """Return `data` as a baseline.

    Raises:
        ValueError: it is not a baseline of this dockwright; the message says where.
    """
    try:
        found = Baseline.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ValueError(f"{where}: {first['msg']}") from error
    parse_json(data)  # for its bounds: the model has none for integers
    return found


def carried(metrics: Metrics, before: Metrics | None, *, times: bool = False) -> Metrics:
    """Return `metrics`, with missing values taken from `before` if that is of the same key.

    With `times`, times of `before` replace measured ones too.
    """
    if before is None or before.key != metrics.key:
        return metrics
    found = {
        name: getattr(before, name)
        for name in MEASURED
        if getattr(metrics, name) is None or (times and name in TIMES and getattr(before, name) is not None)
    }
    return metrics.model_copy(update=found)


def import_seconds(checks: Iterable[Check]) -> float | None:
    """Return how long importing all distributions took, None if no such check ran."""
    imports = [check for check in checks if check.rung is Rung.imports and check.name.startswith("import ")]
    seconds = [check.seconds for check in imports if check.seconds > 0]
    return round(sum(seconds), 3) if seconds else None


def unique_bytes(layers: Mapping[str, Layers], wanted: Collection[str]) -> dict[str, int | None]:
    """Return the bytes of layers that no other image has, by image.

    `wanted` are the images that are compared; where the layers of one of them are not in `layers`, nothing
    is known of any.
    """
    if not set(wanted) <= set(layers):
        return dict.fromkeys(wanted)
    owners: dict[str, int] = {}
    for id_ in wanted:
        for digest in {digest for digest, _ in layers[id_]}:
            owners[digest] = owners.get(digest, 0) + 1
    return {id_: sum(size for digest, size in layers[id_] if owners[digest] == 1) for id_ in wanted}


def added(own: Mapping[str, int], below: Mapping[str, int]) -> dict[str, int]:
    """Return the bytes by name that an image adds to its parent."""
    found = {name: size - below.get(name, 0) for name, size in own.items()}
    return {name: size for name, size in sorted(found.items()) if size}


def _sorted(sizes: Mapping[str, int] | None) -> dict[str, int] | None:
    return None if sizes is None else dict(sorted(sizes.items()))
