"""What images take, held against their budgets and against what they took before. Pure."""

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
"""Less growth than this is none, whatever share of a small image it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric: its name, where it stands in `Metrics`, its limit in `Budget`, and how many units that is.

    What is in bytes may not grow; times differ from run to run, and have a limit alone.
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
    """How a metric compares; unknown: it was not measured, or there is nothing to compare it with."""

    within = "within"
    over = "over budget"
    grew = "grew"
    unknown = "unknown"


class Tolerance(Value):
    """How much more than before is no growth: a share, and a size; the smaller one counts."""

    share: float | None = 0.1
    size_bytes: int | None = 100 * MB

    def of(self, before_bytes: float) -> float:
        """Return the bytes by which `before_bytes` may grow."""
        bounds = [] if self.share is None else [self.share * before_bytes]
        bounds += [] if self.size_bytes is None else [self.size_bytes]
        return max(FLOOR_BYTES, min(bounds))

    @property
    def text(self) -> str:
        """Both in words."""
        share = "" if self.share is None else f"{self.share * 100:g} %"
        size = "" if self.size_bytes is None else size_text(self.size_bytes)
        return " or ".join(part for part in (share, size) if part)


class Row(Value):
    """One metric of one image, in bytes, seconds or as a ratio (`unit`); none: not measured, or no such."""

    image: str
    metric: str
    unit: Literal["bytes", "s", "ratio"]
    now: float | None
    before: float | None
    limit: float | None
    verdict: Verdict

    @property
    def change(self) -> float | None:
        """How much more it is than before."""
        return None if self.now is None or self.before is None else self.now - self.before

    @property
    def fails(self) -> bool:
        """Whether that is a breach."""
        return self.verdict in (Verdict.over, Verdict.grew)


class Cause(Value):
    """One layer, Python distribution or Debian package that `image` adds to its parent, in bytes.

    `before` is 0 where it is new, and none where nothing is known of before; `now` is 0 where it is gone.
    """

    image: str
    kind: Literal["layer", "Python", "Debian"]
    name: str
    now: int
    before: int | None

    @property
    def change(self) -> int:
        """How many bytes more it is than before; all of it where that is not known."""
        return self.now - (self.before or 0)


class BudgetReport(Value):
    """Everything that was compared; `budget --json` prints it. Schema 1.

    `baseline` says what `before` is of, in words; `causes` are those of images with a breach and of what they
    are built on, the largest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    budget_schema: Literal[1] = Field(default=1, alias="schema")
    baseline: str
    tolerance: Tolerance
    rows: tuple[Row, ...]
    causes: tuple[Cause, ...]
    images: tuple[Metrics, ...] = ()
    absent: tuple[str, ...] = ()
    """Images that are not here, so that nothing is known of them."""

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
    """Hold the images `wanted` against their budgets and the `baseline`, which is that `of` something.

    `metrics` are theirs and those of what they are built on, by which growth is explained.
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
    """Return `image` and what it is built on, the lowest first, as far as that is known."""
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
