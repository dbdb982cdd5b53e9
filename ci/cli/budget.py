"""budget: compare the size and times of images with their budgets and with earlier values."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from functools import partial

import anyio
import click

from ci.cli.display.message import say
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

SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(kB|MB|GB)")
SHOWN = 5
"""Metrics that the message lists; the table above it has all."""
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
@click.option("--write", is_flag=True, help="Write baseline.json of the stack, which accepts the growth.")
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
def budget(  # noqa: PLR0913 click: an option each
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

    Budgets are set in image.toml. Earlier values come from baseline.json of the stack, or with --registry
    from a release. Only images in the local store or in the registry are measured. Exit code 7 if an image is
    over its budget or grew by more than the tolerance.
    """
    if as_json and as_markdown:
        raise UsageError("--json and --markdown exclude each other", hint="give one of them")
    if release and registry is None:
        raise UsageError("--release needs a registry", hint="add --registry HOST[:PORT]/NAMESPACE")
    if write and registry is not None:
        raise UsageError(
            "--write writes the committed baseline, not one of a registry", hint="leave out --registry"
        )
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
            engine=anyio.run(engine_here, workspace),
            environ=os.environ,
            say=say,
        )
    )
    if not report.images:
        raise UsageError(
            "none of these images is available, so nothing can be measured",
            hint="build them first: `dockwright build IMAGE`",
        )
    if write:
        path = write_baseline(workspace, report.images)
        say(f"{path}: written, with the metrics of {len(report.images)} images\nhint: commit it")
    _show(report, as_json=as_json, as_markdown=as_markdown)
    failing = [row for row in report.breaches if not (write and row.verdict == "grew")]
    if failing:
        raise budget_error(failing, report.tolerance, baseline_path(workspace).name)


def parse_tolerance(text: str) -> Tolerance:
    """Parse `10%`, `100MB`, or both with a comma between.

    Raises:
        UsageError: it has another form.
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
                f"--tolerance {text!r}: not a share, a size, or both",
                hint="as in --tolerance 10%,100MB",
            )
    return Tolerance(share=share, size_bytes=size_bytes)


def budget_error(failing: Sequence[Row], tolerance: Tolerance, baseline: str) -> BudgetError:
    """Return the error about metrics that are over budget or grew, with what to do."""
    lines = [breach_text(row) for row in failing[:SHOWN]]
    lines += [f"and {len(failing) - SHOWN} more"] if len(failing) > SHOWN else []
    count = "1 metric is" if len(failing) == 1 else f"{len(failing)} metrics are"
    text = "".join(f"\n  {line}" for line in lines)
    return BudgetError(
        f"{count} over budget or grew by more than {tolerance.text}:{text}",
        hint="make these images smaller, or raise [budget] in their image.toml; to accept growth within the "
        f"budget, run `dockwright budget --write` and commit {baseline}",
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
    breaches = {breach_text(row) for row in report.breaches}
    for line in budget_lines(report, width=width):
        out.line(line, colour="31" if out.is_terminal and line in breaches else None)
