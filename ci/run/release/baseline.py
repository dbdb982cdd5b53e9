"""The baseline of sizes and times, a committed file or the metrics of a release; comparison with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.bounded.file import read_file
from ci.engines.engine import Engine
from ci.errors import RegistryError, UsageError
from ci.publish.release import CURRENT
from ci.publish.release_metrics import read_metrics
from ci.publish.releases import Releases
from ci.report.budget.budget import BudgetReport, Tolerance, compare
from ci.report.budget.metrics import Baseline, Metrics, read_baseline
from ci.run.budget.measure import Measured, metrics_of
from ci.run.budget.registered import Registered, registered
from ci.run.release.release import open_releases
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace
from ci.wheelhouse.program.atomic_write import write_atomically

Say = Callable[[str], None]
FILE = "baseline.json"
"""In the stack's directory; no key depends on it."""


def baseline_path(workspace: Workspace) -> Path:
    """Return where the committed baseline is."""
    return workspace.directory / FILE


def committed(path: Path) -> Baseline | None:
    """Return the baseline in the file `path`; None where there is no such file.

    Raises:
        UsageError: it is not a baseline of this version of dockwright.
    """
    try:
        return read_baseline(read_file(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror})", hint="correct its rights") from error
    except ValueError as error:
        raise UsageError(
            f"{path}: not a baseline of this version of dockwright ({error})",
            hint="remove it; `dockwright budget --write` writes a new one",
        ) from error


def write_baseline(workspace: Workspace, metrics: Sequence[Metrics]) -> Path:
    """Write `metrics` into the committed baseline, and remove images from it that the stack no longer has."""
    path = baseline_path(workspace)
    before = committed(path) or Baseline()
    known = {image.id for image in workspace.stack.images}
    write_atomically(path, before.with_(metrics, known).as_json())
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is compared: the images `wanted`, in the store or `in_registry`, with the baseline.

    Attributes:
        wanted: ids of the images that are compared.
        closure: ids of these and of what they are built on, parents first.
        in_registry: whether the registry's images are compared, with a release; else the store's.
        release: version of that release; None: the current one.
        tolerance: how much an image may grow.
    """

    wanted: Collection[str]
    closure: Sequence[str]
    in_registry: bool = False
    release: str | None = None
    tolerance: Tolerance


async def compared(
    workspace: Workspace,
    comparison: Comparison,
    *,
    engine: Engine | None,
    environ: Mapping[str, str],
    say: Say,
) -> BudgetReport:
    """Return how images compare with their budgets and with a baseline.

    Raises:
        RegistryError: the registry does not answer, or has no such release.
    """
    store = Store(ids=await engine.images()) if engine is not None else Store(ids={})
    plan = await workspace.plan((), (), store=store)
    known = Registered()
    if comparison.in_registry:
        namespace = workspace.required_registry
        async with open_releases(namespace, say, "RELEASE", "REGISTRY", environ=environ) as releases:
            baseline, of = await _released(releases, comparison.release)
            known = await registered(releases.client, plan, say)
    else:
        path = baseline_path(workspace)
        baseline = committed(path)
        of = f"{path.parent.name}/{path.name}"
        if baseline is None:
            of = f"unknown: {of} does not exist; `dockwright budget --write` writes it"
    measured = Measured(engine=engine, store=store, registry=known)
    metrics = await metrics_of(workspace, plan, comparison.closure, measured, say)
    return compare(
        metrics,
        comparison.wanted,
        {image.id: image.budget for image in workspace.stack.images},
        baseline,
        of=of,
        tolerance=comparison.tolerance,
    )


async def _released(releases: Releases, release: str | None) -> tuple[Baseline | None, str]:
    """Return the metrics of a release, and a text that names it."""
    namespace = releases.client.namespace
    try:
        version, _ = await releases.read(release or CURRENT)
    except RegistryError as error:
        if error.answer != "absent" or release:
            raise
        return None, f"unknown: {namespace} has no release yet"
    found = await read_metrics(releases, version)
    name = f"release {version} of {namespace}"
    return found, name if found is not None else f"unknown: {name} has no metrics"
