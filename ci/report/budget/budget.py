"""Compare the metrics of images with their budgets and with a baseline. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict, Field

from ci.catalog.stack import Budget
from ci.report.budget.metrics import Baseline, Metrics
from ci.report.units import size_text
from ci.report.value import Value

MB = 10**6
FLOOR_BYTES = MB
"""Less growth than this is ignored, even if it is a large share of a small image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric: its name, its field in `Metrics`, its limit in `Budget`, and the scale of that limit.

    Sizes are compared with the baseline too; times differ from run to run, so they only have a limit.
    """

    name: str
    field: str
    limit: str
    scale: int = 1
    unit: Literal["bytes", "s", "ratio"] = "bytes"


MEASURES = (
    Measure(name="unpacked", field="unpacked_bytes", limit="unpacked_mb", scale=MB),
    Measure(name="compressed", field="compressed_bytes", limit="compressed_mb", scale=MB),
    Measure(name="unique", field="unique_bytes", limit="unique_mb", scale=MB),
    Measure(name="shared", field="shared_bytes", limit="shared_mb", scale=MB),
    Measure(name="import", field="import_s", limit="import_s", unit="s"),
    Measure(name="build", field="build_ratio", limit="build_ratio", unit="ratio"),
)


class Verdict(StrEnum):
    """The result of a comparison; unknown: not measured, or nothing to compare with."""

    within = "within"
    over = "over budget"
    grew = "grew"
    unknown = "unknown"


class Tolerance(Value):
    """The accepted growth: a share, and a size; the smaller one applies."""

    share: float | None = 0.1
    size_bytes: int | None = 100 * MB

    def of(self, before_bytes: float) -> float:
        """Return the bytes by which `before_bytes` may grow."""
        bounds = [] if self.share is None else [self.share * before_bytes]
        bounds += [] if self.size_bytes is None else [self.size_bytes]
        return max(FLOOR_BYTES, min(bounds))

    @property
    def text(self) -> str:
        """Both as text: `10 % or 100 MB`."""
        share = "" if self.share is None else f"{self.share * 100:g} %"
        size = "" if self.size_bytes is None else size_text(self.size_bytes)
        return " or ".join(part for part in (share, size) if part)


class Row(Value):
    """One metric of one image, in bytes, seconds or as a ratio (`unit`). None: unknown, or no limit."""

    image: str
    metric: str
    unit: Literal["bytes", "s", "ratio"]
    now: float | None
    before: float | None
    limit: float | None
    verdict: Verdict

    @property
    def change(self) -> float | None:
        """The difference to before."""
        return None if self.now is None or self.before is None else self.now - self.before

    @property
    def fails(self) -> bool:
        """Whether the metric is over budget or grew too much."""
        return self.verdict in (Verdict.over, Verdict.grew)


class Cause(Value):
    """One layer, Python distribution or Debian package that `image` adds to its parent, in bytes.

    `before` is 0 if it is new, and None if the value before is unknown; `now` is 0 if it was removed.
    """

    image: str
    kind: Literal["layer", "Python", "Debian"]
    name: str
    now: int
    before: int | None

    @property
    def change(self) -> int:
        """The difference to before in bytes; all of `now` if the value before is unknown."""
        return self.now - (self.before or 0)


class BudgetReport(Value):
    """The whole comparison; `budget --json` prints it. Schema 2.

    `baseline` describes where the values before come from. `causes` explain images over budget or grown, and
    the images that they are based on; the largest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    budget_schema: Literal[2] = Field(default=2, alias="schema")
    baseline: str
    tolerance: Tolerance
    rows: tuple[Row, ...]
    causes: tuple[Cause, ...]
    images: tuple[Metrics, ...] = ()
    absent: tuple[str, ...] = ()
    """Images that are not available, so not measured."""

    @property
    def breaches(self) -> tuple[Row, ...]:
        """The rows that fail."""
        return tuple(row for row in self.rows if row.fails)

    def as_json(self) -> str:
        """Return it as JSON."""
        return self.model_dump_json(indent=1, by_alias=True) + "\n"


def compare(
    metrics: Sequence[Metrics],
    wanted: Collection[str],
    budgets: Mapping[str, Budget],
    baseline: Baseline | None,
    *,
    of: str,
    tolerance: Tolerance,
) -> BudgetReport:
    """Compare the images `wanted` with their budgets and the `baseline`, which is described by `of`.

    `metrics` are of these images and of those that they are based on; the latter explain growth.
    """
    known = {one.id: one for one in metrics}
    before = {id_: baseline.get(id_) if baseline is not None else None for id_ in {*known, *wanted}}
    here = [known[id_] for id_ in known if id_ in wanted]
    rows = [row for one in here for row in _rows(one, before[one.id], budgets[one.id], tolerance)]
    failing = dict.fromkeys(row.image for row in rows if row.fails)
    line = dict.fromkeys(id_ for image in failing for id_ in _line(known, image))
    causes = [cause for id_ in line for cause in _causes(known[id_], before[id_])]
    return BudgetReport(
        baseline=of,
        tolerance=tolerance,
        rows=tuple(rows),
        causes=tuple(sorted(causes, key=lambda one: (-abs(one.change), one.image, one.kind, one.name))),
        images=tuple(here),
        absent=tuple(id_ for id_ in wanted if id_ not in known),
    )


def _rows(now: Metrics, before: Metrics | None, budget: Budget, tolerance: Tolerance) -> Iterable[Row]:
    for measure in MEASURES:
        value: float | None = getattr(now, measure.field)
        old: float | None = getattr(before, measure.field) if before is not None else None
        bound: float | None = getattr(budget, measure.limit)
        limit = bound * measure.scale if bound is not None else None
        yield Row(
            image=now.id,
            metric=measure.name,
            unit=measure.unit,
            now=value,
            before=old,
            limit=limit,
            verdict=_verdict(measure, value, old, limit, tolerance),
        )


def _verdict(
    measure: Measure, now: float | None, before: float | None, limit: float | None, tolerance: Tolerance
) -> Verdict:
    if now is None:
        return Verdict.unknown
    if limit is not None and now > limit:
        return Verdict.over
    if measure.unit == "bytes" and before is not None and now - before > tolerance.of(before):
        return Verdict.grew
    return Verdict.within if limit is not None or before is not None else Verdict.unknown


def _line(known: Mapping[str, Metrics], image: str) -> list[str]:
    """Return `image` and the images that it is based on, the lowest first, as far as known."""
    found: list[str] = []
    while image in known:
        found.insert(0, image)
        image = known[image].parent
    return found


def _causes(now: Metrics, before: Metrics | None) -> Iterable[Cause]:
    layers = _summed(now.layers), _summed(before.layers) if before is not None else None
    yield from _grown(now.id, "layer", *layers)
    yield from _grown(now.id, "Python", now.distributions, before.distributions if before else None)
    yield from _grown(now.id, "Debian", now.packages, before.packages if before else None)


def _grown(
    image: str,
    kind: Literal["layer", "Python", "Debian"],
    now: Mapping[str, int] | None,
    before: Mapping[str, int] | None,
) -> Iterable[Cause]:
    if now is None:
        return
    for name in sorted({*now, *(before or {})}):
        size, old = now.get(name, 0), before.get(name, 0) if before is not None else None
        if size != old:
            yield Cause(image=image, kind=kind, name=name, now=size, before=old)


def _summed(layers: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, size in layers:
        found[name] = found.get(name, 0) + size
    return found
