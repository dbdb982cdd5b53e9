"""The report of a run as a page."""

from __future__ import annotations

import pytest

from ci.report.check import Check, Rung, Status
from ci.report.events import Checked, Event, Failure, PlannedTask, RunEnded, TaskEnded
from ci.report.markdown import CUT, PAGE_BYTES, markdown
from ci.report.outcome import Outcome
from ci.report.report import Report, report_of
from tests.unit.report.runs import CHECKED_RUN, RUN, STARTED

PAGE = """\
### Images

3 images: 1 reused, 1 failed, 1 blocked (1 m 35 s).

#### Failures

**`base-ml:cpu` failed:**

```text
docker/base-ml: step 4 (Wheels) failed:
onnxruntime has no wheel

Resolved 31 packages
error: no wheel
```

#### Blocked

- ⛔ by `base-ml:cpu`: `asr:cpu`

#### What was built, and why

|  | image | reason | time |
| --- | --- | --- | --: |
| ❌ failed | `base-ml:cpu` |  | 1 m 01 s |

<details><summary>1 reused</summary>

|  | image | reason | time |
| --- | --- | --- | --: |
| ♻️ reused | `base:cpu` | its key is in the store | 0.1 s |

</details>

#### Sizes

| image | unpacked | unique |
| --- | --: | --: |
| `base:cpu` | 170 MB | 1.23 kB |

#### Warnings

- ⚠️ base-ml:cpu: the cache can't be read

<details><summary>Other tasks</summary>

|  | task | time |
| --- | --- | --: |
| ✅ built | `wheelhouse:cpu` | 34.0 s |

</details>
"""
CHECKED_PAGE = """\
### Images

3 images: 1 built, 1 reused, 1 failed (9.3 s).

#### Failed checks

**`asr:cuda`**: 2 of 8 checks failed.

- ❌ imports: **import torch**

  ```text
  ImportError: libcudnn.so.9
  Traceback:
    in torch
  ```

- ❌ imports: **import numpy**: no module

#### What was built, and why

|  | image | reason | time |
| --- | --- | --- | --: |
| ✅ built | `asr:cpu` | never built | 3.0 s |
| ❌ failed | `asr:cuda` |  | 6.0 s |

<details><summary>1 reused</summary>

|  | image | reason | time |
| --- | --- | --- | --: |
| ♻️ reused | `base:cpu` | its key is in the store | 0.1 s |

</details>

#### Sizes

| image | unpacked | unique |
| --- | --: | --: |
| `asr:cpu` | 1.70 GB | 70.0 MB |
| `base:cpu` | 170 MB | 1.23 kB |

#### Checks

| image | structure | size | imports | programs | gpu |
| --- | --- | --- | --- | --- | --- |
| `base:cpu` | ✅ passed | ⏭️ skipped | ✅ passed (recorded) |  |  |
| `asr:cpu` | ✅ passed | ⏭️ skipped | ✅ passed (recorded) |  |  |
| `asr:cuda` | ✅ passed | ⏭️ skipped | ❌ failed | ⛔ blocked | ⏭️ skipped |

- ⛔ blocked, programs: `--help` in `asr:cuda`: by 'import torch'
- ⏭️ skipped, size: `size budget` in `base:cpu`, `asr:cpu`, `asr:cuda`: no budget in image.toml
- ⏭️ skipped, gpu: `device`, `matmul` in `asr:cuda`: no GPU here

*Recorded*: passed earlier, so not repeated.
"""


def failed(message: str, *last_lines: str) -> Report:
    failure = Failure(message=message, last_lines=last_lines)
    end = TaskEnded(task="base:cpu", outcome=Outcome.failed, failure=failure)
    return report_of((STARTED, end, RunEnded(exit_code=6)))


def broken(images: int, checks: int, detail: str) -> Report:
    """Return the report of a run in which all images fail: half of them at a step, half at their checks."""
    tasks = tuple(
        PlannedTask(id=f"image-{number:02}:cpu", image=f"image-{number:02}", variant="cpu")
        for number in range(images)
    )
    wrong = tuple(
        Check(name=f"check {number}", status=Status.failed, rung=Rung.imports, detail=detail)
        for number in range(checks)
    )
    events: list[Event] = [STARTED.model_copy(update={"tasks": tasks})]
    for number, task in enumerate(tasks):
        failure = Failure(message="a step failed", last_lines=(detail,) * 50, exit_code=6)
        if number % 2:
            events.append(Checked(task=task.id, checks=wrong))
            failure = Failure(message=detail * checks, exit_code=7)
        events.append(TaskEnded(task=task.id, outcome=Outcome.failed, failure=failure))
    return report_of((*events, RunEnded(exit_code=1)))


def test_the_page_has_what_went_wrong_first_then_what_was_built_then_sizes() -> None:
    assert markdown(report_of(RUN)) == PAGE


def test_the_page_of_checks_has_failed_ones_by_image_and_a_table_of_rungs() -> None:
    assert markdown(report_of(CHECKED_RUN)) == CHECKED_PAGE


def test_many_failed_checks_of_one_image_share_its_room() -> None:
    one, many = (markdown(broken(2, number, "a line\n" * 3000)) for number in (1, 30))
    assert len(many) < len(one) * 1.5


def test_a_failed_check_of_an_image_that_failed_otherwise_hides_no_failure() -> None:
    events = [
        event.model_copy(update={"failure": Failure(message="the disk is full", exit_code=8)})
        if isinstance(event, TaskEnded) and event.failure
        else event
        for event in CHECKED_RUN
    ]
    head = "#### Failures\n\n**`asr:cuda` failed:**\n\n```text\nthe disk is full\n```\n\n#### Failed checks"
    assert head in markdown(report_of(events))


def test_a_failure_of_checks_that_the_log_lacks_is_told_by_its_message() -> None:
    events = [event for event in CHECKED_RUN if not isinstance(event, Checked)]
    page = markdown(report_of(events))
    assert "**`asr:cuda` failed:**\n\n```text\nasr:cuda: 2 of 8 checks failed" in page
    assert "#### Checks" not in page


def test_what_is_blocked_is_told_together_by_what() -> None:
    by = {"b:cpu": ("a:cpu",), "c:cpu": ("a:cpu",), "d:cpu": ("a:cpu", "wheels")}
    tasks = tuple(PlannedTask(id=id_, image=id_[0], variant="cpu") for id_ in by)
    ends = [TaskEnded(task=id_, outcome=Outcome.blocked, blocked_by=what) for id_, what in by.items()]
    page = markdown(report_of((STARTED.model_copy(update={"tasks": tasks}), *ends, RunEnded(exit_code=1))))
    assert page == (
        "### Images\n\n3 images: 3 blocked (0.0 s).\n\n#### Blocked\n\n"
        "- ⛔ by `a:cpu`: `b:cpu`, `c:cpu`\n- ⛔ by `a:cpu`, `wheels`: `d:cpu`\n"
    )


@pytest.mark.parametrize(
    ("checks", "detail"),
    [
        (1, "x" * 100),
        (30, "first line\n" + "long output\n" * 400),
        (300, "one line " * 500),
        (300, "é🎬" * 5000),
    ],
    ids=["short", "long outputs", "many checks", "wide characters"],
)
def test_a_page_of_22_failures_is_whole_and_no_larger_than_a_summary_may_be(checks: int, detail: str) -> None:
    page = markdown(broken(22, checks, detail))
    assert len(page.encode()) <= PAGE_BYTES
    assert CUT not in page
    assert page.count("` failed:**") == page.count(" checks failed.") == 11
    assert page.count(": **check ") == 11 * min(checks, 40)
    assert page.count(f"{checks - 40} more failed checks are in `report.json`.") == (11 if checks > 40 else 0)
    assert page.count("| ❌ failed |") == 22 + 11
    assert page.count("```text") == page.count("```") / 2


@pytest.mark.parametrize("page_bytes", [*range(1000, 1500, 7), 5000])
def test_a_page_of_more_than_any_page_holds_ends_with_what_it_lacks(page_bytes: int) -> None:
    report = broken(22, 1, "ä line\n" * 50)
    page, whole = markdown(report, page_bytes=page_bytes), markdown(report, page_bytes=20_000)
    kept = page.removesuffix(f"\n\n{CUT}\n")
    assert page_bytes - 500 < len(page.encode()) <= page_bytes
    assert whole.startswith(f"{kept}\n\n")
    assert (page.count(CUT), whole.count(CUT)) == (1, 0)
    assert kept.count("```text") == kept.count("```") / 2


def test_short_outputs_are_whole_though_another_is_long() -> None:
    page = markdown(broken(2, 2, "a\n" * 3000))
    assert "… " in page
    assert "a step failed\n\na\n" in page


def test_marks_in_a_reason_stay_what_they_are() -> None:
    reason = "file a|b.py (content): `x` → <script> & *y*\nline"
    events = [
        event.model_copy(update={"details": event.details.model_copy(update={"reason": reason})})
        if isinstance(event, TaskEnded) and event.task == "base:cpu"
        else event
        for event in RUN
    ]
    assert (
        r"| ♻️ reused | `base:cpu` | file a\|b.py (content): \`x\` → \<script\> \& \*y\* line | 0.1 s |"
        in markdown(report_of(events)).splitlines()
    )


def test_a_fence_in_an_output_ends_no_block() -> None:
    page = markdown(failed("broken", "```", "</details>", "````text"))
    assert "`````text\nbroken\n\n```\n</details>\n````text\n`````\n" in page


def test_an_output_of_a_check_stays_in_its_item() -> None:
    check = Check(name="a `b` <i>", status=Status.failed, rung=Rung.closure, detail="no\r```\r\n# head\n|x|")
    row = report_of(CHECKED_RUN).images[0].model_copy(update={"checks": (check,)})
    item = "- ❌ closure: **a \\`b\\` \\<i\\>**\n\n  ````text\n  no\n  ```\n  # head\n  |x|\n  ````\n\n"
    assert f"\n\n{item}" in markdown(Report(images=(row,)))


def test_of_a_long_output_the_end_is_shown() -> None:
    page = markdown(failed("broken", *(f"line {number}" for number in range(1000))))
    assert "line 999" in page
    assert "line 969\n" not in page
    assert "line 970\n" in page


def test_a_run_of_nothing_is_a_sentence() -> None:
    assert markdown(report_of(()), "Nothing").startswith("### Nothing\n\nno image was requested")
