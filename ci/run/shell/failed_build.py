"""The last build of an image, if it failed: at which step, by its report and its log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ci.bounded.file import read_file
from ci.engines.buildkit import as_step
from ci.errors import BuildError, SmokeError
from ci.report.outcome import Outcome
from ci.run.workspace.reports import recorded_reports
from ci.run.workspace.state import State

_STEP = re.compile(r"STEP (?P<number>\d{1,6})/(?P<count>\d{1,6}): (?P<text>.*)")
_BUILT = (Outcome.built, Outcome.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedBuild:
    """A build that failed.

    Attributes:
        started_at: when its run started, ISO 8601.
        exit_code: that of the kind of its failure.
        reason: the first line of its message.
        log: the text of its log.
        needed: `image:variant` of all images that its run was to build.
    """

    started_at: str
    exit_code: int | None
    reason: str
    log: str
    needed: frozenset[str]

    @property
    def is_of_step(self) -> bool:
        """Whether a step failed."""
        return self.exit_code == BuildError.exit_code

    @property
    def is_of_check(self) -> bool:
        """Whether all steps succeeded, and a check of the image failed."""
        return self.exit_code == SmokeError.exit_code


def last_failure(state: State, id_: str, key: str) -> FailedBuild | None:
    """Return the last build of the image variant `id_` under `key`; None where it succeeded or is not known.

    Runs that ended before they built it do not count.
    """
    for directory, report in recorded_reports(state.root):
        row = next((one for one in report.images if one.task == id_), None)
        if row is None or row.key != key or row.action not in _BUILT:
            continue
        failure = next((one for one in report.failures if one.task == id_), None)
        if failure is None:
            return None
        try:
            log = read_file(directory.log_of(id_)).decode(errors="replace")
        except OSError:
            log = ""
        return FailedBuild(
            started_at=report.started_at,
            exit_code=failure.exit_code,
            reason=failure.message.strip().partition("\n")[0],
            log=log,
            needed=frozenset(one.task for one in report.images if one.action is not Outcome.reused),
        )
    return None


def failed_step(instructions: Sequence[str], log: str) -> int | None:
    """Return the index in `instructions` of the step that a log ends at; None where it is not known.

    It may be their number: then all of them succeeded. Buildah and Podman count the instructions from FROM,
    and a label of ours as the last one; BuildKit counts those that make a layer, found by their text.
    """
    steps = [found for line in log.splitlines() if (found := _STEP.search(as_step(line)))]
    if not steps:
        return None
    last = steps[-1]
    if int(last["count"]) == len(instructions):
        return int(last["number"])
    texts = [one_line(text) for text in instructions]
    text = one_line(last["text"])
    return texts.index(text) if text in texts else None


def one_line(instruction: str) -> str:
    """Return an instruction in one line with single spaces."""
    return " ".join(instruction.replace("\\\n", " ").split())
