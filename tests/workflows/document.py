"""A workflow file as values: what starts it, its jobs, their steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[2]
FOLDER = Path(".github/workflows")
LOCAL = "./"


@dataclass(frozen=True)
class Event:
    """What happens on GitHub. `sha` is what is checked out."""

    name: str
    ref: str
    sha: str
    inputs: Mapping[str, Any]

    @property
    def ref_name(self) -> str:
        return self.ref.split("/", 2)[2]

    @property
    def ref_type(self) -> str:
        return "tag" if self.ref.startswith("refs/tags/") else "branch"


@dataclass(frozen=True)
class Workflow:
    name: str
    value: Mapping[Any, Any]

    @property
    def events(self) -> Mapping[str, Any]:
        on = self.value[True] if True in self.value else self.value["on"]  # YAML 1.1 reads `on` so
        assert isinstance(on, dict), f"{self.name}: `on` is to be a mapping"
        return on

    @property
    def jobs(self) -> Mapping[str, Any]:
        jobs: Mapping[str, Any] = self.value["jobs"]
        return jobs

    def starts(self, event: Event) -> bool:
        """Whether `event` starts the workflow."""
        if event.name not in self.events:
            return False
        filters = self.events[event.name] or {}
        if event.name != "push":
            return True
        patterns = filters.get("tags" if event.ref_type == "tag" else "branches", [])
        return any(fnmatchcase(event.ref_name, pattern) for pattern in patterns)

    def order(self) -> tuple[str, ...]:
        """Return the jobs, each after all that it needs."""
        return tuple(TopologicalSorter({job: self.needs(job) for job in self.jobs}).static_order())

    def needs(self, job: str) -> tuple[str, ...]:
        needs = self.jobs[job].get("needs", [])
        return (needs,) if isinstance(needs, str) else tuple(needs)

    def ancestors(self, job: str) -> frozenset[str]:
        """Return all jobs that `job` needs, directly or not."""
        direct = self.needs(job)
        return frozenset(direct).union(*(self.ancestors(one) for one in direct))


def workflow(name: str, checkout: Path = CHECKOUT) -> Workflow:
    return Workflow(name, yaml.safe_load((checkout / FOLDER / name).read_text()))


def workflows(checkout: Path = CHECKOUT) -> tuple[Workflow, ...]:
    return tuple(workflow(path.name, checkout) for path in sorted((checkout / FOLDER).glob("*.yml")))


def action(folder: str, checkout: Path = CHECKOUT) -> Mapping[str, Any]:
    """Return an action of this repository, `./PATH`."""
    value: Mapping[str, Any] = yaml.safe_load((checkout / folder / "action.yml").read_text())
    return value


def steps(job: Mapping[str, Any], checkout: Path = CHECKOUT) -> Iterator[Mapping[str, Any]]:
    """Yield the steps of a job, or of an action, and those of the repository's own actions that it uses."""
    for step in job["steps"]:
        yield step
        if step.get("uses", "").startswith(LOCAL):
            yield from steps(action(step["uses"], checkout)["runs"], checkout)
