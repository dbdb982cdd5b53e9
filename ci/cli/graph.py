"""graph: the hierarchy on one screen, in a Markdown page, or as a picture."""

from __future__ import annotations

import shutil
import subprocess
import sys

import click

from ci.catalog.load import load_stack
from ci.cli.options import images_argument, variant_option
from ci.errors import CommandError, UsageError
from ci.plan.drawing import ASCII, UNICODE, dot_source, mermaid, tree_lines
from ci.plan.plan import check_variants, select
from ci.settings import Settings


@click.command()
@images_argument
@variant_option
@click.option("--mermaid", "form", flag_value="mermaid", help="Print a Mermaid flowchart.")
@click.option("--dot", "form", flag_value="dot", help="Print Graphviz input (DOT).")
@click.option("--svg", "form", flag_value="svg", help="Print an SVG picture. Needs Graphviz.")
@click.pass_obj
def graph(settings: Settings, images: tuple[str, ...], variants: tuple[str, ...], form: str | None) -> None:
    """Draw which image is based on which.

    Without IMAGE, the whole stack is drawn. With IMAGE, these images and the images that they are based on
    are drawn.

    \b
    dockwright graph --svg > stack.svg
    """
    stack = load_stack(settings.stack, "optional")
    check_variants(stack, variants)
    ids = select(stack, images, variants)
    match form:
        case "mermaid":
            click.echo(mermaid(stack, ids), nl=False)
        case "dot":
            click.echo(dot_source(stack, ids), nl=False)
        case "svg":
            click.echo(svg(dot_source(stack, ids)), nl=False)
        case _:
            for line in tree_lines(stack, ids, UNICODE if _shows(UNICODE.fork) else ASCII):
                click.echo(line)


def svg(source: str) -> str:
    """Return the picture of a Graphviz graph.

    Raises:
        UsageError: Graphviz is not installed.
        CommandError: it failed.
    """
    program = shutil.which("dot")
    if program is None:
        raise UsageError(
            "--svg needs Graphviz, whose program `dot` is not installed",
            hint="`apt-get install graphviz`, or use --mermaid, which GitHub and GitLab can show",
        )
    done = subprocess.run((program, "-Tsvg"), input=source, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandError((program, "-Tsvg"), done.returncode, done.stderr)
    return done.stdout


def _shows(text: str) -> bool:
    """Return whether standard output's encoding has all of `text`."""
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True
