"""What a build says before it starts: what it fetches, which room and time it needs, how to do less."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ci.plan.plan import Plan
from ci.report.units import size_text
from ci.run.estimate.disk import file_systems, places
from ci.run.estimate.file_system import FileSystem
from ci.run.estimate.forecast import forecast
from ci.run.estimate.needs import Estimate, short_of
from ci.run.workspace.local_store import Store
from ci.run.workspace.workspace import Workspace

ANYWAY = "`--ignore-disk` starts all the same"


def preview_lines(run: Estimate, systems: Iterable[FileSystem], variants: Collection[str]) -> tuple[str, ...]:
    """Return the block that stands before a run that builds something; nothing for one that does not."""
    if not run.images:
        return ()
    files = "1 file" if run.files == 1 else f"{run.files} files"
    fetch = f"{files}, {size_text(run.fetch_bytes)}" if run.files else "nothing, all is here"
    guess = "as in earlier runs" if run.timed else "a guess: not all of it was built here before"
    images = "1 image" if run.images == 1 else f"{run.images} images"
    lines = [
        f"to build: {images}, in {_minutes(run.seconds)} ({guess})",
        f"to fetch: {fetch}",
    ]
    for system in systems:
        peak, kept = run.peak(system.holds), run.kept(system.holds)
        lines.append(
            f"disk:     about {size_text(peak)}, of which {size_text(kept)} stay; "
            f"{size_text(system.free_bytes)} free at {system.text}"
        )
    if less := _less(run, variants):
        lines.append(f"less:     {' or '.join(less)}")
    return tuple(lines)


def refusal_text(
    run: Estimate, systems: Iterable[FileSystem], variants: Collection[str], *, floor_bytes: int
) -> str:
    """Return why the run would not fit on its disks and what to type; empty where it fits."""
    short = short_of(run, systems, floor_bytes=floor_bytes)
    if not short:
        return ""
    needs = "; ".join(
        f"it needs about {size_text(need)}, and {size_text(system.free_bytes)} are free at {system.text}"
        for system, need in short
    )
    ways = ["`dockwright gc` to see what can go", "`--root DIR` to put it elsewhere", *_less(run, variants)]
    return (
        f"not enough disk for this run: {needs} ({size_text(floor_bytes)} of that stay free). "
        f"{_either(ways)}; {ANYWAY}"
    )


def _less(run: Estimate, variants: Collection[str]) -> list[str]:
    smaller = ["`--variant cpu`"] if set(variants) - {"cpu"} else []
    return [*smaller, *(["`build IMAGE` for one image"] if run.images > 1 else [])]


def _either(ways: Sequence[str]) -> str:
    text = f"{', '.join(ways[:-1])}, or {ways[-1]}"
    return text[0].upper() + text[1:]


def _minutes(seconds: float) -> str:
    if seconds < 60:
        return "less than a minute"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'s' if minutes != 1 else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What is known of a run before it starts, beside its plan.

    `cache` says whether layers of earlier builds are used, `bundle` whether an exported folder stands in for
    the network; `remote` has the compressed bytes of what a registry has, by `image:variant`.
    """

    workspace: Workspace
    cache: bool
    bundle: bool
    remote: Mapping[str, int]
    say: Callable[[str], None]

    def of(self, plan: Plan, store: Store, *, engine: str) -> tuple[Estimate, str]:
        """Say what the run needs; return that, and why the disk is too small for it (else nothing)."""
        settings = self.workspace.settings
        run = forecast(self.workspace, plan, store, cache=self.cache, bundle=self.bundle, remote=self.remote)
        systems = file_systems(places(settings, engine="buildah" if engine == "auto" else engine))
        variants = {planned.image.variant for planned in plan.to_build}
        for line in preview_lines(run, systems, variants):
            self.say(line)
        if settings.ignore_disk:
            return run, ""
        return run, refusal_text(run, systems, variants, floor_bytes=settings.disk_floor_mb * 10**6)
