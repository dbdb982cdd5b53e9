"""The lines before a build: what it builds and downloads, the time and disk space that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ci.plan.plan import Plan
from ci.report.units import size_text
from ci.run.estimate.disk import file_systems, run_folders
from ci.run.estimate.file_system import FileSystem
from ci.run.estimate.needs import Estimate, short_of
from ci.run.estimate.run_estimate import estimate_run
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace

ANYWAY = "`--ignore-disk` to start anyway"


def preview_lines(run: Estimate, systems: Iterable[FileSystem], less: Sequence[str]) -> tuple[str, ...]:
    """Return the lines before a run; none if it builds nothing. `less` are ways to build less."""
    if not run.images:
        return ()
    files = "1 file" if run.files == 1 else f"{run.files} files"
    fetch = f"{files}, {size_text(run.fetch_bytes)}" if run.files else "nothing, all is here"
    guess = "as in earlier runs" if run.timed else "rough estimate: not all of it was built here before"
    images = "1 image" if run.images == 1 else f"{run.images} images"
    lines = [
        f"to build: {images}, in {_minutes(run.seconds)} ({guess})",
        f"to fetch: {fetch}",
    ]
    for system in systems:
        peak, stays = run.peak(system.used_for), run.persistent(system.used_for)
        lines.append(
            f"disk:     about {size_text(peak)}, of which {size_text(stays)} stay; "
            f"{size_text(system.free_bytes)} free at {system.text}"
        )
    if less:
        lines.append(f"to build less: {' or '.join(less)}")
    return tuple(lines)


def refusal_text(
    run: Estimate, systems: Iterable[FileSystem], less: Sequence[str], *, floor_bytes: int
) -> str:
    """Return why the run does not fit on its disks, with a hint; empty if it fits."""
    short = short_of(run, systems, floor_bytes=floor_bytes)
    if not short:
        return ""
    needs = "; ".join(
        f"it needs about {size_text(need)}, and {size_text(system.free_bytes)} are free at {system.text}"
        for system, need in short
    )
    ways = ["`dockwright gc` to see what can be removed", "`--root DIR` to use another disk", *less, ANYWAY]
    return (
        f"not enough disk space for this run: {needs} ({size_text(floor_bytes)} of that have to stay free)\n"
        f"hint: {', '.join(ways[:-1])}, or {ways[-1]}"
    )


def ways_to_build_less(plan: Plan) -> list[str]:
    """Return what to type to build less than `plan`; nothing if it is one image and its ancestors."""
    images = [planned.image for planned in plan.to_build]
    parents = {image.parent for image in images}
    last = [image.id for image in images if image.id not in parents]
    smaller = ["`--variant cpu`"] if len(last) > 1 and {image.variant for image in images} - {"cpu"} else []
    return [*smaller, *(["`build IMAGE` for one image"] if len(last) > 1 else [])]


def _minutes(seconds: float) -> str:
    if seconds < 60:
        return "less than a minute"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'s' if minutes != 1 else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Prints the lines before a run.

    `cache` says whether layers of earlier builds are used, `bundle` whether an exported folder replaces the
    network. `remote` are the unpacked bytes of images that a registry has, by `image:variant`.
    """

    workspace: Workspace
    cache: bool
    bundle: bool
    remote: Mapping[str, int]
    say: Callable[[str], None]

    def of(self, plan: Plan, store: Store, *, store_here: bool) -> tuple[Estimate, str]:
        """Print what the run needs. Return the estimate, and why the disk is too small, if it is."""
        settings = self.workspace.settings
        run = estimate_run(
            self.workspace, plan, store, cache=self.cache, bundle=self.bundle, remote=self.remote
        )
        systems = file_systems(run_folders(settings, store=store_here))
        less = ways_to_build_less(plan)
        for line in preview_lines(run, systems, less):
            self.say(line)
        if settings.ignore_disk:
            return run, ""
        return run, refusal_text(run, systems, less, floor_bytes=settings.disk_floor_mb * 10**6)
