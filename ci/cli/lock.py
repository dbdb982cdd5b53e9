"""lock: pin everything that the stack asks for."""

from __future__ import annotations

import click

from ci.cli.setup.install import install_first
from ci.errors import UsageError
from ci.locks.loading import check_locks
from ci.locks.write import Upgrade, write_locks
from ci.settings import Settings


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; say which locks are stale, and end with 3 then.")
@click.option(
    "--upgrade",
    metavar="[PACKAGE]",
    is_flag=False,
    flag_value="",
    multiple=True,
    help="Let this package move to its newest version that fits; without PACKAGE, everything. Repeatable.",
)
@click.option(
    "--variant", "variants", multiple=True, help="Only this variant's Python locks; may be given again."
)
@click.pass_obj
def lock(settings: Settings, check: bool, upgrade: tuple[str, ...], variants: tuple[str, ...]) -> None:
    """Pin every Python and Debian package of the stack by hash, and outside images by digest.

    Pins stay as they are while they fit what is asked for. Needs the network, except for --check.
    """
    if check and (upgrade or variants):
        raise UsageError("`--check` looks at all locks and changes none; leave out --upgrade and --variant")
    if check:
        check_locks(settings.stack)
        click.echo("all locks answer what is asked for")
        return
    install_first()
    changed = write_locks(
        settings.stack,
        variants=variants,
        upgrade=Upgrade(everything="" in upgrade, names=tuple(name for name in upgrade if name)),
        state=settings.state,
        mirror=settings.debian_mirror,
        security_mirror=settings.security_mirror,
        say=lambda line: click.echo(line, err=True),
    )
    click.echo("locks written" if changed else "nothing moved")
