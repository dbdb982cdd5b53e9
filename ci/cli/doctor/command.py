"""doctor: what this machine can and cannot do, and what to type."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from math import isfinite

import click

from ci.catalog.load import load_stack
from ci.cli.display.stream import Stream
from ci.cli.doctor.diagnosis import DEBIAN, PYPI, REGISTRY, Finding, can_build, diagnose
from ci.cli.doctor.inspection import inspect_machine
from ci.errors import CatalogError, DiskError, UsageError
from ci.redaction import redacted
from ci.report.units import size_text
from ci.run.estimate.disk import daemon_folders, file_systems, run_folders
from ci.run.estimate.file_system import FileSystem
from ci.run.estimate.needs import Estimate, from_nothing
from ci.settings import Settings

GB = 10**9
HINT_SPACE = "`dockwright gc` lists what can be removed; on a hosted runner, choose a larger one"
STATES = {"ok": ("ok", ""), "note": ("note", "33"), "bad": ("no", "31")}
"""The word before a finding, and its colour on a terminal."""
REGISTRIES = {"docker.io": "registry-1.docker.io"}
"""Where the registry of a name is served, if not at the name. Source: Docker Hub."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--disk-gb",
    type=click.FloatRange(min=0),
    metavar="GB",
    help="Only check that this much disk space is free for builds; exit code 8 if not.",
)
@click.pass_context
def doctor(ctx: click.Context, as_json: bool, disk_gb: float | None) -> None:
    """Show what this machine can do, what is missing, and what to type.

    Checks engines, permissions, disks, memory and the network; changes nothing. The exit code is 0 if an
    engine can build images here, else 1.
    """
    settings: Settings = ctx.obj
    if disk_gb is not None and not isfinite(disk_gb):
        raise UsageError(f"--disk-gb {disk_gb}: that is no size")
    if disk_gb is not None:
        _check_room(settings, int(disk_gb * GB))
        return
    machine = inspect_machine(settings, _urls(settings))
    findings = diagnose(machine, _needs(settings, machine.cores))
    builds = can_build(findings)
    if as_json:
        click.echo(json.dumps(doctor_json(findings), indent=2, ensure_ascii=False))
    else:
        _print(findings)
    ctx.exit(0 if builds else 1)


def _check_room(settings: Settings, size_bytes: int) -> None:
    """Print what is free on each disk that images are built on.

    Raises: DiskError: that is less than `size_bytes` on one of them.
    """
    systems = file_systems({**run_folders(settings), **daemon_folders()})
    if refusal := free_space_refusal(systems, size_bytes):
        raise DiskError(refusal, hint=HINT_SPACE)
    for system in systems:
        click.echo(
            f"{size_text(system.free_bytes)} free at {system.text}; {size_text(size_bytes)} are needed"
        )


def free_space_refusal(systems: Iterable[FileSystem], size_bytes: int) -> str:
    """Return which of `systems` has less than `size_bytes` free; empty where none."""
    short = [
        f"{size_text(system.free_bytes)} are free at {system.text}"
        for system in systems
        if system.free_bytes < size_bytes
    ]
    if not short:
        return ""
    return f"not enough disk: {size_text(size_bytes)} are needed, and {'; '.join(short)}"


def doctor_json(findings: tuple[Finding, ...]) -> dict[str, object]:
    """Return the findings as the value that `doctor --json` prints; schema 2."""
    rows = [
        {
            "name": found.name,
            "state": found.state,
            "message": redacted(found.message),
            "hint": redacted(found.hint),
        }
        for found in findings
    ]
    return {"schema": 2, "can_build": can_build(findings), "findings": rows}


def _needs(settings: Settings, capacity: int) -> dict[str, Estimate]:
    try:
        stack = load_stack(settings.stack)
    except CatalogError:
        return {}  # `plan` reports what is wrong with it
    whole = {f"the {variant} images": (variant,) for variant in stack.variants} | {"all": stack.variants}
    found = {name: from_nothing(stack, variants, capacity=capacity) for name, variants in whole.items()}
    return dict(sorted(found.items(), key=lambda entry: entry[1].fetch_bytes))


def _urls(settings: Settings) -> dict[str, str]:
    urls = {PYPI: "https://pypi.org/simple/", DEBIAN: settings.debian_mirror.rstrip("/") + "/"}
    try:
        stack = load_stack(settings.stack, "optional")
    except CatalogError:
        return urls  # what is wrong with the stack is not the fault of the machine; `plan` reports it
    hosts = sorted({base.named.host for base in stack.external_roots})
    return {REGISTRY: f"https://{REGISTRIES.get(hosts[0], hosts[0])}/v2/", **urls} if hosts else urls


def _print(findings: Sequence[Finding]) -> None:
    out = Stream(sys.stdout)
    width = max(len(found.name) for found in findings)
    for found in findings:
        word, colour = STATES[found.state]
        shown = colour if out.is_terminal and colour else None
        out.line(f"{word:<5}{found.name:<{width}}  {found.message}", colour=shown)
        if found.hint:
            out.line(f"{'':<{width + 7}}hint: {found.hint}")
    engines = [found.name for found in findings if found.engine and found.state == "ok"]
    out.line("")
    if engines and can_build(tuple(findings)):
        out.line(f"can build here: {', '.join(engines)}")
    else:
        out.line("no engine can build here yet; see above what to type")
