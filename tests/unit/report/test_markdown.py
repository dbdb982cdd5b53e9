"""The report of a run as a page."""

from __future__ import annotations

from ci.report.events import Failure, RunEnded, TaskEnded
from ci.report.markdown import markdown
from ci.report.outcome import Outcome
from ci.report.report import Report, report_of
from tests.unit.report.runs import RUN, STARTED

PAGE = """\
### Images

3 images: 1 reused, 1 failed, 1 blocked (1 m 35 s).

|  | image | reason | time | size | unique |
| --- | --- | --- | --: | --: | --: |
| ♻️ reused | `base:cpu` | its key is in the store | 0.1 s | 170 MB | 1.23 kB |
| ❌ failed | `base-ml:cpu` |  | 1 m 01 s | - | - |
| ⛔ blocked by base-ml:cpu | `asr:cpu` |  | - | - | - |

**`base-ml:cpu` failed:**

```text
docker/base-ml: step 4 (Wheels) failed:
onnxruntime has no wheel

Resolved 31 packages
error: no wheel
```

- ⚠️ base-ml:cpu: the cache can't be read

<details><summary>What else was done</summary>

|  | also | time |
| --- | --- | --: |
| ✅ built | `wheelhouse:cpu` | 34.0 s |

</details>
"""


def failed(message: str, *last_lines: str) -> Report:
    failure = Failure(message=message, last_lines=last_lines)
    end = TaskEnded(task="base:cpu", outcome=Outcome.failed, failure=failure)
    return report_of((STARTED, end, RunEnded(exit_code=6)))


def test_the_page_has_actions_reasons_sizes_failures_and_warnings() -> None:
    assert markdown(report_of(RUN)) == PAGE


def test_marks_in_a_reason_stay_what_they_are() -> None:
    reason = "file a|b.py (content): `x` → <script> & *y*\nline"
    events = [
        event.model_copy(update={"details": event.details.model_copy(update={"reason": reason})})
        if isinstance(event, TaskEnded) and event.task == "base:cpu"
        else event
        for event in RUN
    ]
    assert (
        r"| file a\|b.py (content): \`x\` → \<script\> \& \*y\* line |"
        in markdown(report_of(events)).splitlines()[6]
    )


def test_a_fence_in_an_output_ends_no_block() -> None:
    page = markdown(failed("broken", "```", "</details>", "````text"))
    assert "`````text\nbroken\n\n```\n</details>\n````text\n`````\n" in page


def test_of_a_long_output_the_end_is_shown() -> None:
    page = markdown(failed("broken", *(f"line {number}" for number in range(1000))))
    assert "line 999" in page
    assert "line 969\n" not in page
    assert "line 970\n" in page


def test_a_run_of_nothing_is_a_sentence() -> None:
    assert markdown(report_of(()), "Nothing").startswith("### Nothing\n\nno image was asked for")
