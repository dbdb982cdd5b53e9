from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.peers.results import Built, Results, Run, read_results
from bench.peers.sizes import Layers
from bench.peers.table import spread, text

BASE = ("base", 400_000_000)


def run(seconds: float, error: str = "", layers: int = 1) -> Run:
    return Run(
        seconds=seconds,
        cpu_s=seconds / 2,
        received=3_000_000,
        context=20_000,
        peak=1_500_000_000,
        images=2,
        layers=layers,
        layer_bytes=5_000_000,
        error=error,
    )


def built(*layers: tuple[str, int], **groups: int) -> Built:
    own: Layers = layers
    return Built(layers=own, contents=groups)


def results(path: Path) -> Results:
    return Results(
        path=path,
        scope=("base:cpu", "asr:cpu"),
        facts={"machine": "2 cores"},
        runs={
            "from-nothing/a/0": replace(run(60.0), fetch_s=20.0),
            "from-nothing/b/0": run(150.0),
            "from-nothing/c/0": run(0.0, error="docker: no daemon\nmore"),
            "nothing/a/0": run(0.5, layers=0),
            "nothing/a/1": run(0.7, layers=0),
            "nothing/a/2": run(0.6, layers=0),
            "nothing/b/0": run(1.0, layers=0),
            "nothing/b/1": run(0.0, error="ended, 8.0 GB"),
        },
        images={
            "a/base:cpu": built(BASE),
            "a/asr:cpu": built(BASE, ("asr", 100_000_000), onnx=100_000_000),
            "b/base:cpu": built(("other", 500_000_000)),
            "b/asr:cpu": built(
                ("other", 500_000_000), ("stage", 300_000_000), onnx=100_000_000, pip=200_000_000
            ),
            "b/asr:cuda": built(("other", 500_000_000), ("torch", 9_500_000_000)),
        },
    )


HEAD = (
    "| scenario | way | wall s | CPU s | MB fetched | layers made | MB of them | context MB | most disk, GB |"
)


FETCHED = (
    "Within (a), and not counted in (c): tasks that make the base, fetch, and compile sdists, added up: "
    "from nothing: 20.0 s."
)


def test_the_tables_say_medians_errors_sizes_and_what_was_reached(tmp_path: Path) -> None:
    assert text(results(tmp_path / "results.json")).splitlines() == [
        HEAD,
        "|---|---|---|---|---|---|---|---|---|",
        "| from nothing | a | 60.0 | 30.0 | 3.0 | 1 | 5.0 | 0.02 | 1.5 |",
        "| from nothing | b | 150.0 | 75.0 | 3.0 | 1 | 5.0 | 0.02 | 1.5 |",
        "| from nothing | c | failed, see below | | | | | | |",
        "| nothing changed | a | 0.6 (0.5 to 0.7) | 0.3 (0.2 to 0.3) | 3.0 | 0 | 5.0 | 0.02 | 1.5 |",
        "| nothing changed | b | 1.0 | 0.5 | 3.0 | 0 | 5.0 | 0.02 | 1.5 |",
        "",
        FETCHED,
        "",
        "- from nothing, c, round 1: failed: `docker: no daemon … more`",
        "- nothing changed, b, round 2: failed: `ended, 8.0 GB`",
        "",
        "| image | a MB | b MB | c MB | a against b | only or more in b | only or more in a |",
        "|---|---|---|---|---|---|---|",
        "| base:cpu | 400 | 500 |  | -20.0 % |  |  |",
        "| asr:cpu | 500 | 800 |  | -37.5 % | pip 200 |  |",
        "| all, shared layers once | 500 | 800 |  | 62 % of b | | |",
        "",
        "| CPU stage | a MB | with torch from the default index, MB | smaller by |",
        "|---|---|---|---|",
        "| asr:cpu | 500 | 10000 | 95 % |",
        "",
        "- from nothing: 1.0 min, 2.5 times as fast as (b).",
        "- union of sizes: 0.50 GB, 62 % of (b)'s 0.80 GB.",
        "- CPU fallbacks: 95 % smaller or more (asr:cpu the least).",
        "- nothing changed: 0.60 (0.50 to 0.70) s.",
    ]


def test_results_come_back_from_their_file_and_say_what_is_done(tmp_path: Path) -> None:
    kept = results(tmp_path / "results.json")
    kept.write()
    read = read_results(kept.path, kept.scope)
    assert read == kept
    assert [read.done("nothing", "b", number) for number in range(3)] == [True, False, False]
    assert [one.seconds for one in read.of("nothing", "a")] == [0.5, 0.7, 0.6]


def test_a_single_value_has_no_range() -> None:
    assert spread([2.0], "{:.1f}") == "2.0"
    assert spread([3.0, 1.0, 2.0], "{:.1f}") == "2.0 (1.0 to 3.0)"
