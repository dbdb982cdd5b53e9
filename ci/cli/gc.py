"""gc: what can be deleted to free disk space, and its deletion."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from math import isfinite

import anyio
import click

from ci.cli.display.message import say
from ci.cli.options import REGISTRY
from ci.engines.engine import Engine
from ci.errors import EngineError, StoreError, UsageError
from ci.registry.namespace import RegistryNamespace, parse_namespace
from ci.report.units import size_text
from ci.run.cleanup.run_owner import registered_run
from ci.run.gc.choice import Item
from ci.run.gc.local import Survey, remove, survey
from ci.run.gc.registry import registry_remove, registry_survey
from ci.run.release.release import open_releases
from ci.run.workspace.live_runs import live_runs, stale_runs
from ci.run.workspace.workspace import Workspace, open_workspace
from ci.settings import Settings

NOUNS = {"image": "name", "intermediate": "unnamed image", "file": "file", "folder": "folder"}
SINGLE = 1_000_000
"""A file or an unnamed image of at least so many bytes gets a line of its own."""


@click.command()
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Everything of this stack, including images of the current plan.",
)
@click.option("--yes", is_flag=True, help="Delete. Without this option, the list is only printed.")
@click.option("--registry", metavar=REGISTRY, help="Clean up this registry instead of this machine.")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="In a registry: keep images that are younger than this.",
)
@click.option(
    "--keep-gb",
    type=click.FloatRange(min=0),
    metavar="GB",
    help="In a registry: keep at most this much in total. The oldest images are deleted first, even if they "
    "are younger than --older-than.",
)
@click.pass_obj
def gc(
    settings: Settings,
    everything: bool,
    yes: bool,
    registry: str | None,
    days: int,
    keep_gb: float | None,
) -> None:
    """Show what can be deleted to free disk space; delete it with --yes.

    Images of the current plan, the last build of each image, and downloaded files that a lock names are
    kept. Images of other programs in a shared store are never deleted. Nothing is deleted while a run is
    active.

    With --registry, only cached images (tags k-KEY) and shared wheels in that registry are considered.
    Images that this checkout would reuse and images of a release are always kept, also with --keep-gb.
    """
    workspace = open_workspace(settings)
    if registry is not None:
        if keep_gb is not None and not isfinite(keep_gb):
            raise UsageError(f"--keep-gb {keep_gb} is not a size", hint="give a number of gigabytes")
        keep_bytes = round(keep_gb * 1e9) if keep_gb is not None else None
        anyio.run(_in_registry, workspace, parse_namespace(registry), timedelta(days=days), keep_bytes, yes)
        return
    if keep_gb is not None:
        raise UsageError("--keep-gb needs a registry", hint="add --registry HOST[:PORT]/NAMESPACE")
    if yes:
        _refuse_during_a_run(workspace)
        anyio.run(_remove, workspace, everything)
    else:
        anyio.run(_list, workspace, everything)


async def _in_registry(
    workspace: Workspace,
    namespace: RegistryNamespace,
    older_than: timedelta,
    keep_bytes: int | None,
    yes: bool,
) -> None:
    async with open_releases(namespace, say, "REGISTRY") as releases:
        stale, inspected = await registry_survey(
            releases.client, workspace.stack, older_than=older_than, keep_bytes=keep_bytes
        )
        for one in stale:
            click.echo(_line(one.compressed_bytes, f"{one.repository}:{one.tag}", one.reason))
        size = size_text(sum(one.compressed_bytes for one in stale))
        if not stale:
            click.echo(f"nothing to delete; {inspected} tags were inspected")
        elif yes:
            removed = await registry_remove(releases.client, stale, say)
            click.echo(
                f"deleted: {_entries(removed)}, {size}; the registry's garbage collection frees the space"
            )
        else:
            click.echo(f"nothing was deleted; `--yes` deletes: {_entries(len(stale))}, {size}")


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def gc_lines(found: Survey) -> tuple[str, ...]:
    """Return a line for each thing to delete (bytes, name, reason), and one for all small ones of a kind."""
    lines = []
    for (kind, reason), group in groupby(
        sorted(found.items, key=lambda item: (item.kind, item.reason, -item.size_bytes, item.name)),
        key=lambda item: (item.kind, item.reason),
    ):
        items = list(group)
        alone = [item for item in items if kind in ("image", "folder") or item.size_bytes >= SINGLE]
        lines += [_line(item.size_bytes, _short(item), reason) for item in alone]
        small = [item for item in items if item not in alone]
        if small:
            noun = NOUNS[kind] + ("s" if len(small) > 1 else "")
            lines.append(_line(sum(item.size_bytes for item in small), f"{len(small)} {noun}", reason))
    return tuple(lines)


def total_text(items: Iterable[Item]) -> str:
    """Return the number of items and their bytes: `7 items, 1.20 GB`."""
    counted = list(items)
    number = len(counted)
    noun = "item" if number == 1 else "items"
    return f"{number} {noun}, {size_text(sum(item.size_bytes for item in counted))}"


async def _list(workspace: Workspace, everything: bool) -> None:
    engine = await _engine(workspace)
    found = await survey(workspace, engine, everything=everything)
    _print(found)
    with stale_runs(workspace.state.root) as lives:
        if lives:
            killed = "a killed run" if len(lives) == 1 else f"{len(lives)} killed runs"
            click.echo(f"also the working containers and temporary files of {killed}")
    if others := live_runs(workspace.state.root):
        click.echo(f"a run is active (process {others[0].pid}); nothing can be deleted before it ends")
    if not found.items and not lives:
        click.echo("nothing to delete")
        return
    command = "dockwright gc --all --yes" if everything else "dockwright gc --yes"
    click.echo(f"nothing was deleted; `{command}` deletes: {total_text(found.items)}")


async def _remove(workspace: Workspace, everything: bool) -> None:
    engine = await _engine(workspace)
    if engine is None:
        _print(found := await survey(workspace, None, everything=everything))
        errors = await remove(workspace, None, found.items)
    else:
        async with registered_run(workspace, engine, note=say, warn=say) as (own, marked):
            _print(found := await survey(own, marked, everything=everything))
            errors = await remove(own, marked, found.items)
    for error in errors:
        say(error)
    click.echo(f"deleted: {total_text(found.items)}" if found.items else "nothing to delete")


async def _engine(workspace: Workspace) -> Engine | None:
    """Return the engine of the store; None where no engine is usable."""
    try:
        return await workspace.engine()
    except StoreError as error:
        say(f"images are not inspected: {error}")
        return None
    except EngineError:
        return None


def _refuse_during_a_run(workspace: Workspace) -> None:
    for life in live_runs(workspace.state.root):
        raise UsageError(
            f"a run is active (process {life.pid}, since {life.started}); nothing is deleted during a run",
            hint="wait for its end or stop it with Ctrl-C; then run gc again",
        )


def _print(found: Survey) -> None:
    for line in (*gc_lines(found), *found.skipped):
        click.echo(line)


def _line(size_bytes: int, name: str, reason: str) -> str:
    return f"{size_text(size_bytes):>8}  {name}: {reason}"


def _short(item: Item) -> str:
    return f"unnamed image {item.name[:12]}" if item.kind == "intermediate" else item.name
