"""The block before a build, and the refusal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ci.run.estimate.file_system import FileSystem
from ci.run.estimate.needs import Estimate, TaskNeed
from ci.run.estimate.preview import preview_lines, refusal_text, ways_to_build_less
from tests.stacks import small_stack
from tests.unit.run.estimate.test_needs import planned

GB = 10**9
NEED = TaskNeed(
    task="asr:cuda",
    files=139,
    fetch_bytes=4 * GB,
    persistent={"store": 9 * GB, "state": 4 * GB},
    transient={"temporary files": 2 * GB},
)
RUN = Estimate(tasks=(NEED,), capacity=2, images=22, seconds=650)
DISK = FileSystem(
    device=1, path=Path("/dw/store"), used_for=("store", "state"), free_bytes=20 * GB, used_bytes=0
)
LESS = ("`--variant cpu`", "`build IMAGE` for one image")
TMP = FileSystem(device=2, path=Path("/tmp"), used_for=("temporary files",), free_bytes=GB, used_bytes=0)


def test_a_build_says_what_it_fetches_and_needs_and_how_to_do_less() -> None:
    assert preview_lines(RUN, (DISK, TMP), LESS) == (
        "to build: 22 images, in about 11 minutes (rough estimate: not all of it was built here before)",
        "to fetch: 139 files, 4.00 GB",
        "disk:     about 13.0 GB, of which 13.0 GB stay; 20.0 GB free at /dw/store (store, state)",
        "disk:     about 2.00 GB, of which 0 B stay; 1.00 GB free at /tmp (temporary files)",
        "to build less: `--variant cpu` or `build IMAGE` for one image",
    )


def test_a_small_build_says_little() -> None:
    need = TaskNeed(task="mux:cpu", persistent={"store": 10**7})
    run = Estimate(tasks=(need,), capacity=2, images=1, seconds=4, timed=True)
    assert preview_lines(run, (DISK,), ()) == (
        "to build: 1 image, in less than a minute (as in earlier runs)",
        "to fetch: nothing, all is here",
        "disk:     about 10.0 MB, of which 10.0 MB stay; 20.0 GB free at /dw/store (store, state)",
    )


def test_nothing_to_build_says_nothing() -> None:
    assert preview_lines(Estimate(tasks=(), capacity=2, images=0), (DISK,), ()) == ()


def test_a_disk_that_is_too_small_is_named_with_what_to_type() -> None:
    assert refusal_text(RUN, (DISK, TMP), LESS, floor_bytes=GB // 2) == (
        "not enough disk space for this run: it needs about 2.50 GB, and 1.00 GB are free at /tmp (temporary "
        "files) (500 MB of that have to stay free)\n"
        "hint: `dockwright gc` to see what can be removed, `--root DIR` to use another disk, "
        "`--variant cpu`, `build IMAGE` for one image, or `--ignore-disk` to start anyway"
    )
    assert refusal_text(RUN, (DISK, replace(TMP, free_bytes=3 * GB)), LESS, floor_bytes=GB // 2) == ""


def test_who_builds_one_image_is_not_told_to_build_one() -> None:
    assert ways_to_build_less(planned(small_stack())) == [LESS[1]]
    assert ways_to_build_less(planned(small_stack(), "base:cpu", "ml:cpu", "asr:cpu")) == []
    assert ways_to_build_less(planned(small_stack(), "base:cpu", "ml:cpu", "asr:cpu", "mux:cpu")) == [LESS[1]]
