"""repro: a run of another machine built again here, and where it came out otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import anyio
import click

from ci.cli.display.message import say
from ci.cli.options import engine_option
from ci.cli.setup.install import install_first
from ci.errors import DockwrightError, ParseError, UsageError
from ci.names.image_id import foreign_image_id
from ci.plan.keys import Document
from ci.registry.namespace import parse_namespace
from ci.report.comparison import other_keys, verdicts
from ci.report.events import Checkout
from ci.report.report import ImageRow, Report
from ci.report.units import size_text
from ci.run.git.checkout import CODE
from ci.run.git.worktree import Worktree, worktree
from ci.run.verify.child_run import build_in
from ci.run.verify.key_documents import Named, registry_documents, stack_documents, stored_documents
from ci.run.workspace.live_runs import live
from ci.run.workspace.reports import read_report
from ci.run.workspace.state import State
from ci.run.workspace.state_structure import repair_structure
from ci.run.workspace.workspace import registry_namespace
from ci.settings import Settings
from ci.version import version

INTERRUPTED = 130


@click.command()
@click.argument("report", type=click.Path(path_type=Path), metavar="REPORT")
@engine_option
@click.option("--rebuild", is_flag=True, help="Build all images again, including images in the store.")
@click.option("--keep", is_flag=True, help="Keep the temporary checkout and print its path.")
@click.pass_context
def repro(ctx: click.Context, report: Path, engine: str | None, rebuild: bool, keep: bool) -> None:
    """Rebuild the images of another run's report and compare the results.

    REPORT is a report.json or the folder that contains it. The revision is checked out from the local
    repository, with the patch that the report contains, and its images are built into the local store. Each
    image gets one line: whether its key and config digest are equal, or whether it fails in the same way.
    The exit code is 0 if all results are equal.
    """
    settings: Settings = ctx.obj
    settings = settings.with_(engine=engine)
    there = read_report(report)
    checkout = there.checkout
    if checkout is None:
        raise UsageError(
            f"{report}: it names no revision, so it can't be built again: its stack was in no git "
            "repository, `dagger call report` was given no --revision, or an older dockwright wrote it"
        )
    if not there.images:
        raise UsageError(f"{report}: it names no image")
    for row in there.images:
        if not _is_one(row):
            raise UsageError(
                f"{report}: {row.task!r} is not the name of an image variant",
                hint="use the report as the run wrote it",
            )
    install_first()
    for line in _opening(there, checkout):
        say(line)
    here, documents = _built(settings, there, checkout, rebuild=rebuild, keep=keep)
    say("")
    ctx.exit(_compare(there, here, documents))


def _is_one(row: ImageRow) -> bool:
    """Whether a row is of an image that a stack can have: its names become arguments and paths."""
    try:
        found = foreign_image_id(row.task)
    except ParseError:
        return False
    return (found.image, found.variant) == (row.image, row.variant)


def _opening(there: Report, checkout: Checkout) -> list[str]:
    """Return what is going to be built, and what of it can't be as it was."""
    if checkout.patch is None:
        patch = (
            f"without its patch, which the report lacks ({checkout.left_out}): what differs may come of that"
        )
    else:
        patch = f"with a patch of {size_text(len(checkout.patch))}" if checkout.patch else "which was clean"
    lines = [f"report:   of {there.started_at}, {len(there.images)} images on the {there.base} base"]
    lines += [] if there.complete and not there.interrupted else ["report:   of a run that was cut short"]
    return [*lines, f"revision: {checkout.commit[:12]}, {patch}"]


def _built(
    settings: Settings, there: Report, checkout: Checkout, *, rebuild: bool, keep: bool
) -> tuple[Report, dict[Named, Document]]:
    """Build in a worktree for this alone; return the report, and the key documents that tell of other keys.

    The worktree goes also when the build fails; after a kill the next run removes it.
    """
    now = datetime.now().astimezone()
    repair_structure(settings.state)
    with live(settings.state, now=now) as life:
        kept = settings.state / "repro" / f"{now:%Y%m%d-%H%M%S}-{checkout.commit[:12]}"
        folder = (kept if keep else settings.tmpdir / life.name).absolute()
        folder.parent.mkdir(parents=True, exist_ok=True)
        stack = settings.stack.absolute()
        repository = stack if stack.is_dir() else Path.cwd()
        with worktree(repository, checkout, folder, keep=keep) as tree:
            for line in _surroundings(tree, there):
                say(line)
            ids = [row.task for row in there.images]
            run = build_in(tree, settings, ids, base=there.base, rebuild=rebuild)
            if keep:
                say(f"checkout: {folder}; `rm -r {folder}` removes it")
            if run.status == INTERRUPTED or run.report is None:
                raise SystemExit(run.status or 1)
            return run.report, _documents(settings, there, run.report, tree.stack)


def _surroundings(tree: Worktree, there: Report) -> list[str]:
    """Return what is not as it was there for what builds."""
    if tree.code is None:
        own = there.versions.get("dockwright", "unknown")
        return [f"builder:  this dockwright, {version()}; that of the run, {own}, is not in its repository"]
    locks = [folder / "uv.lock" for folder in (tree.code, CODE)]
    if len({lock.read_bytes() if lock.exists() else b"" for lock in locks}) > 1:
        return ["builder:  the revision's dockwright, in the Python environment here: their uv.lock differ"]
    return []


def _documents(settings: Settings, there: Report, here: Report, stack: Path) -> dict[Named, Document]:
    """Return the key documents of the images that have other keys here than there, where they can be had.

    A registry that only the report names gets no credentials but those that are kept for it by name.
    """
    pairs = other_keys(there, here)
    before, now = {(id_, key) for id_, key, _ in pairs}, {(id_, key) for id_, _, key in pairs}
    found = stored_documents(State(root=settings.state), before | now)
    found |= stack_documents(stack, here.base, now - found.keys())
    missing = sorted(before - found.keys())
    named = settings.registry or str(there.settings.get("registry") or "")
    if missing and named:
        try:
            own = registry_namespace(settings) if settings.registry else None
            registry = own or replace(parse_namespace(named), is_named_by_file=True)
            found |= anyio.run(registry_documents, registry, missing, say, "REGISTRY")
        except DockwrightError as error:
            say(f"warning: no key documents come from {named}: {error}")
    return found


def _compare(there: Report, here: Report, documents: dict[Named, Document]) -> int:
    """Print a line for each image, and return the exit code."""
    found = verdicts(there, here, lambda id_, key: documents.get((id_, key)))
    room = max(len(verdict.image) for verdict in found)
    for verdict in found:
        click.echo(f"{verdict.word:<7}  {verdict.image:<{room}}  {verdict.text}")
    equal = sum(verdict.word == "equal" for verdict in found)
    click.echo(f"{equal} of {len(found)} images came out the same")
    return 0 if equal == len(found) else 1
