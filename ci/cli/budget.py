"""budget: what images take, against their budgets and against what they took before."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from functools import partial

import anyio
import click

from ci.cli.display.stream import Stream
from ci.cli.options import REGISTRY, base_option, images_argument, variant_option
from ci.errors import BudgetError, UsageError
from ci.names.image_id import parse_image_id
from ci.plan.plan import check_variants, is_named, select
from ci.report.budget.budget import BudgetReport, Row, Tolerance
from ci.report.budget.text import breach_text, budget_lines, budget_markdown
from ci.run.release.baseline import Comparison, baseline_path, compared, write_baseline
from ci.run.release.release import engine_here
from ci.run.workspace.workspace import open_workspace
from ci.settings import Settings

_tell = partial(click.echo, err=True)
SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(kB|MB|GB)")
TOLD = 5
"""Breaches that the message names; the table above it has all."""
UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9}


@click.command()
@images_argument
@variant_option
@base_option
@click.option(
    "--registry",
    metavar=REGISTRY,
    help="Compare with a release in this registry, and measure images that only the registry has.",
)
@click.option("--release", metavar="VERSION", help="Release to compare with. Default: the current release.")
@click.option("--write", is_flag=True, help="Write docker/baseline.json, which accepts the growth.")
@click.option(
    "--tolerance",
    metavar="SHARE,SIZE",
    default="10%,100MB",
    show_default=True,
    help="Growth that is accepted: a share, a size, or both (the smaller one applies).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the result as Markdown.")
@click.pass_obj
def budget(
    settings: Settings,
    images: tuple[str, ...],
    variants: tuple[str, ...],
    base: str | None,
    registry: str | None,
    release: str | None,
    write: bool,
    tolerance: str,
    as_json: bool,
    as_markdown: bool,
) -> None:
    """Compare the size and times of images with their budgets and with earlier values.

    Budgets are set in image.toml. Earlier values come from docker/baseline.json, or with --registry from a
    release. Only images in the local store or in the registry are measured. Exit code 7 if an image is over
    its budget or grew by more than the tolerance.
    """
    if as_json and as_markdown:
        raise UsageError("--json or --markdown, not both")
    if release and registry is None:
        raise UsageError("--release is one of a registry: give --registry HOST[:PORT]/NAMESPACE too")
    if write and registry is not None:
        raise UsageError("--write writes the committed baseline; give it without --registry")
    bounds = parse_tolerance(tolerance)
    workspace = open_workspace(settings.with_(base=base, registry=registry))
    check_variants(workspace.stack, variants)
    closure = select(workspace.stack, images, variants)
    wanted = [id_ for id_ in closure if _is_asked(id_, images, variants)]
    report = anyio.run(
        partial(
            compared,
            workspace,
            Comparison(
                wanted=wanted,
                closure=closure,
                in_registry=registry is not None,
                release=release,
                tolerance=bounds,
            ),
            engine=engine_here(workspace),
            environ=os.environ,
            say=_tell,
        )
    )
    if not report.images:
        raise UsageError("none of these images is here, so nothing can be measured: build them first")
    if write:
        path = write_baseline(workspace, report.images)
        _tell(f"{path}: written, with the metrics of {len(report.images)} images; commit it")
    _show(report, as_json=as_json, as_markdown=as_markdown)
    failing = [row for row in report.breaches if not (write and row.verdict == "grew")]
    if failing:
        raise BudgetError(failing_text(failing, report.tolerance, baseline_path(workspace).name))


def parse_tolerance(text: str) -> Tolerance:
    """Return `10%`, `100MB`, or both with a comma between, as a tolerance.

    Raises:
        UsageError: it is none.
    """
    share: float | None = None
    size_bytes: int | None = None
    for part in text.split(","):
        if (match := SHARE.fullmatch(part.strip())) and share is None:
            share = float(match[1]) / 100
        elif (match := SIZE.fullmatch(part.strip())) and size_bytes is None:
            size_bytes = round(float(match[1]) * UNITS[match[2]])
        else:
            raise UsageError(
                f"--tolerance {text!r}: give a share and a size, or one of them, as in 10%,100MB"
            )
    return Tolerance(share=share, size_bytes=size_bytes)


def failing_text(failing: Sequence[Row], tolerance: Tolerance, baseline: str) -> str:
    """Return the message of breaches, which stands alone: what, and what to do."""
    told = [breach_text(row) for row in failing[:TOLD]]
    told += [f"and {len(failing) - TOLD} more"] if len(failing) > TOLD else []
    count = "1 metric is" if len(failing) == 1 else f"{len(failing)} metrics are"
    what = "".join(f"\n  {line}" for line in told)
    return (
        f"{count} over budget, or grew by more than {tolerance.text}:{what}\n"
        "Make smaller what the lines above name, or raise [budget] in the image's image.toml; growth within "
        f"the budget is accepted by `dockwright budget --write`, which writes {baseline}"
    )


def _is_asked(id_: str, images: tuple[str, ...], variants: tuple[str, ...]) -> bool:
    return is_named(id_, images) if images else not variants or parse_image_id(id_).variant in variants


def _show(report: BudgetReport, *, as_json: bool, as_markdown: bool) -> None:
    if as_json:
        click.echo(report.as_json(), nl=False)
        return
    if as_markdown:
        click.echo(budget_markdown(report), nl=False)
        return
    out = Stream(sys.stdout)
    width = shutil.get_terminal_size().columns if out.is_terminal else None
    wrong = {breach_text(row) for row in report.breaches}
    for line in budget_lines(report, width=width):
        out.line(line, colour="31" if out.is_terminal and line in wrong else None)
