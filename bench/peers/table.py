"""The results as Markdown: scenarios, sizes, and what was to be reached. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from bench.peers.results import Results, Run
from bench.peers.scope import COLD, SCENARIOS
from bench.peers.sizes import Layers, differences, size, smaller, union

WAYS = ("a", "b", "c")


def text(results: Results) -> str:
    """Return everything that was measured."""
    parts = [
        *_scenarios(results),
        *_errors(results),
        *_sizes(results),
        *_fallbacks(results),
        *_reach(results),
    ]
    return "\n".join(parts).rstrip()


def spread(values: Sequence[float], form: str) -> str:
    """Return the median, and behind it the range of more than one value."""
    middle = form.format(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({form.format(min(values))} to {form.format(max(values))})"


def _scenarios(results: Results) -> list[str]:
    names = ["scenario", "way", "wall s", "CPU s", "MB fetched", "layers made", "MB of them"]
    names += ["context MB", "most disk, GB"]
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for scenario in SCENARIOS:
        for way in WAYS:
            runs = results.of(scenario.name, way)
            good = [run for run in runs if not run.error]
            if good:
                lines.append(f"| {scenario.title} | {way} | {_cells(good)} |")
            elif runs:
                lines.append(f"| {scenario.title} | {way} | failed, see below | | | | | | |")
    return [*lines, "", *_fetching(results)]


def _fetching(results: Results) -> list[str]:
    """Return how long (a) worked on what (c) then builds from."""
    found = []
    for scenario in SCENARIOS:
        runs = [run.fetch_s for run in results.of(scenario.name, "a") if not run.error and run.fetch_s]
        if runs:
            found.append(f"{scenario.title}: {spread(runs, '{:.1f}')} s")
    what = "Within (a), and not counted in (c): tasks that make the base, fetch, and compile sdists, added up"
    return [f"{what}: {'; '.join(found)}.", ""] if found else []


def _cells(runs: Sequence[Run]) -> str:
    """Return the cells of a row: medians; times with their range where there is more than one run."""
    cells = [
        spread([run.seconds for run in runs], "{:.1f}"),
        spread([run.cpu_s for run in runs], "{:.1f}"),
        f"{statistics.median(run.received for run in runs) / 1e6:.1f}",
        f"{statistics.median(run.layers for run in runs):.0f}",
        f"{statistics.median(run.layer_bytes for run in runs) / 1e6:.1f}",
        f"{statistics.median(run.context for run in runs) / 1e6:.2f}",
        f"{statistics.median(run.peak for run in runs) / 1e9:.1f}",
    ]
    return " | ".join(cells)


def _errors(results: Results) -> list[str]:
    lines = []
    for scenario in SCENARIOS:
        for way in WAYS:
            for number, run in enumerate(results.of(scenario.name, way), start=1):
                if run.error:
                    lines.append(f"- {scenario.title}, {way}, round {number}: failed: `{run.what_failed}`")
    return [*lines, ""] if lines else []


def _sizes(results: Results) -> list[str]:
    held = {way: results.layers(way) for way in WAYS}
    ids = [id_ for id_ in results.scope if any(id_ in held[way] for way in WAYS)]
    if not ids:
        return []
    lines = ["| image | a MB | b MB | c MB | a against b | only or more in b | only or more in a |"]
    lines.append("|---|---|---|---|---|---|---|")
    for id_ in ids:
        cells = [_megabytes(held[way].get(id_)) for way in WAYS]
        own, twin = results.images.get(f"a/{id_}"), results.images.get(f"b/{id_}")
        ratio = more = less = ""
        if own and twin:
            ratio = f"{-smaller(size(own.layers), size(twin.layers)):+.1f} %"
            in_twin, in_own = differences(own.contents, twin.contents)
            more, less = _groups(in_twin), _groups(in_own)
        lines.append(f"| {id_} | {' | '.join(cells)} | {ratio} | {more} | {less} |")
    whole = {way: _union(images, set(ids)) for way, images in held.items()}
    cells = [f"{whole[way] / 1e6:.0f}" if held[way] else "" for way in WAYS]
    ratio = ""
    if set(ids) <= set(held["a"]) & set(held["b"]):
        ratio = f"{100 * whole['a'] / whole['b']:.0f} % of b"
    lines.append(f"| all, shared layers once | {' | '.join(cells)} | {ratio} | | |")
    return [*lines, ""]


def _union(images: Mapping[str, Layers], ids: set[str]) -> int:
    return sum(union(layers for id_, layers in images.items() if id_ in ids).values())


def _megabytes(layers: Layers | None) -> str:
    return "" if layers is None else f"{size(layers) / 1e6:.0f}"


def _groups(groups: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{group} {count / 1e6:.0f}" for group, count in groups)


def _fallbacks(results: Results) -> list[str]:
    rows = _fallback_rows(results)
    if not rows:
        return []
    lines = ["| CPU stage | a MB | with torch from the default index, MB | smaller by |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {own / 1e6:.0f} | {twin / 1e6:.0f} | {smaller(own, twin):.0f} % |"
        for name, own, twin in rows
    ]
    return [*lines, ""]


def _fallback_rows(results: Results) -> list[tuple[str, int, int]]:
    """Return (CPU image, its bytes, bytes of the twin of the other variant by plain Dockerfile)."""
    own, twins = results.layers("a"), results.layers("b")
    rows = []
    for id_ in results.scope:
        image, _, variant = id_.partition(":")
        other = next((twin for twin in twins if twin.startswith(f"{image}:") and twin != id_), "")
        if variant == results.scope[0].partition(":")[2] and id_ in own and other and image != _base(results):
            rows.append((id_, size(own[id_]), size(twins[other])))
    return rows


def _base(results: Results) -> str:
    return results.scope[0].partition(":")[0]


def _reach(results: Results) -> list[str]:
    """Return what was to be reached beside what was, a line each."""
    lines = []
    cold = {way: run for way in WAYS for run in results.of(COLD, way) if not run.error}
    if "a" in cold and "b" in cold:
        times = cold["b"].seconds / cold["a"].seconds
        lines.append(f"- from nothing: {cold['a'].seconds / 60:.1f} min, {times:.1f} times as fast as (b).")
    held = {way: results.layers(way) for way in "ab"}
    both = set(held["a"]) & set(held["b"]) & set(results.scope)
    if both and both == set(results.scope):
        part, whole = (_union(held[way], both) for way in "ab")
        share = f"{100 * part / whole:.0f} % of (b)'s {whole / 1e9:.2f} GB"
        lines.append(f"- union of sizes: {part / 1e9:.2f} GB, {share}.")
    rows = _fallback_rows(results)
    if rows:
        least = min(rows, key=lambda row: smaller(row[1], row[2]))
        lines.append(
            f"- CPU fallbacks: {smaller(least[1], least[2]):.0f} % smaller or more ({least[0]} the least)."
        )
    nothing = [run.seconds for run in results.of("nothing", "a") if not run.error]
    if nothing:
        lines.append(f"- nothing changed: {spread(nothing, '{:.2f}')} s.")
    return lines
