"""Compiling one sdist: a container of its own without network, which can write its own wheel and no more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ci.bounded.file import read_file
from ci.bounded.parse import parse_json
from ci.engines.engine import ContainerRun
from ci.errors import BuildError
from ci.run.inputs.fetch_failure import PYTHON_ENV, TARGET
from ci.steps.layout import ROOT

JOBS = "jobs.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An sdist to compile: its file and its wheel-build key."""

    key: str
    file: str


def parse_jobs(text: str) -> tuple[Job, ...]:
    """Return the jobs that a fetching program wrote; see ci/wheelhouse/program/wheel_folder.py."""
    try:
        return tuple(Job(key=str(one["key"]), file=str(one["file"])) for one in parse_json(text))
    except (ValueError, KeyError, TypeError) as error:
        raise BuildError(f"{JOBS}: can't be read ({error})") from error


def jobs_of(work: Path) -> tuple[Job, ...]:
    """Return the jobs in the folder `work`; none where there is nothing to compile."""
    path = work / JOBS
    return parse_jobs(read_file(path).decode()) if path.is_file() else ()


def compile_argv(job: Job) -> list[str]:
    """Return the program that compiles an sdist, in its container."""
    script = f"{TARGET}/program/compile_sdist.py"
    return ["python3", "-I", script, f"{TARGET}/work/job/job.json", f"{TARGET}/made", job.file]


def compile_run(job: Job, work: Path, programs: Path) -> ContainerRun:
    """Return how `job` is compiled; what it needs lies in the folder `work`."""
    mounts = (
        (programs, f"{TARGET}/program", "ro"),
        (work / "requirements", f"{TARGET}/work/requirements", "ro"),
        (work / "jobs" / job.key, f"{TARGET}/work/job", "ro"),
        (work / "made" / job.key, f"{TARGET}/made", "rw"),
    )
    # root makes the environment that the sdist's code can't change, then runs that as a user without rights
    return ContainerRun(argv=compile_argv(job), mounts=mounts, env=PYTHON_ENV, user=ROOT)
