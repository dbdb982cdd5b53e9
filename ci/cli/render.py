"""render: the stack as files that other builders take."""

from __future__ import annotations

import click

from ci.catalog.load import load_stack
from ci.lower.render import BAKE_FILE
from ci.lower.rendered_files import differences
from ci.plan.rendered import rendered
from ci.settings import Settings
from ci.wheelhouse.program.atomic_write import write_atomically


@click.command()
@click.option("--bake", is_flag=True, help="Also write docker-bake.json, for `docker buildx bake`.")
@click.option("--check", is_flag=True, help="Write nothing. List stale files; exit code 1 if there are any.")
@click.pass_context
def render(ctx: click.Context, bake: bool, check: bool) -> None:
    """Write Dockerfiles that build the stack without dockwright.

    Each image's folder gets one Dockerfile per variant. Its header shows the command that builds it, from a
    folder of `dockwright wheelhouse --export`, which has the packages and the files. The Dockerfiles are
    generated from image.toml and the locks: do not edit them.

    \b
    dockwright wheelhouse --export DIR
    dockwright render --bake
    HOUSES=DIR CACHE=registry.example/cache docker buildx bake cpu     # in the stack's directory

    Once docker-bake.json exists, it is updated without --bake too.
    """
    settings: Settings = ctx.obj
    top = settings.stack
    files = rendered(load_stack(top), bake=bake or (top / BAKE_FILE).exists())
    stale, obsolete = differences(top, files)
    if check:
        for name in stale:
            state = "differs from its image.toml and locks" if (top / name).exists() else "missing"
            click.echo(f"{top / name}: {state}")
        for name in obsolete:
            click.echo(f"{top / name}: rendered for an image or variant that no longer exists")
        if stale or obsolete:
            click.echo(
                "hint: `dockwright render` writes missing and stale files and removes obsolete ones", err=True
            )
            ctx.exit(1)
        click.echo(f"all {len(files)} rendered files are up to date")
        return
    for name in stale:
        write_atomically(top / name, files[name])
        click.echo(f"wrote {top / name}")
    for name in obsolete:
        (top / name).unlink()
        click.echo(f"removed {top / name}")
    click.echo(f"{len(files)} rendered files, {len(stale)} written")
