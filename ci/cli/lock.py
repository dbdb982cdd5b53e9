"""lock: pin everything that the stack requires."""

from __future__ import annotations

from functools import partial

import click

from ci.cli.completion.candidates import complete_variant
from ci.cli.display.message import say
from ci.cli.setup.install import install_first
from ci.errors import UsageError
from ci.locks.loading import check_locks
from ci.locks.write import AptSource, Upgrade, write_locks
from ci.run.workspace.file_lock import held, lock_path
from ci.run.workspace.state_structure import repair_structure
from ci.settings import Settings


@click.command()
@click.option("--check", is_flag=True, help="Write nothing. List stale locks; exit code 3 if there are any.")
@click.option(
    "--upgrade",
    metavar="[PACKAGE]",
    is_flag=False,
    flag_value="",
    multiple=True,
    help="Move this package to its newest version that fits; without PACKAGE, all packages. Repeatable.",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="VARIANT",
    shell_complete=complete_variant,
    help="Only the Python locks of this variant. Repeatable.",
)
@click.pass_obj
def lock(settings: Settings, check: bool, upgrade: tuple[str, ...], variants: tuple[str, ...]) -> None:
    """Pin all Python and Debian packages by hash, and external base images by digest.

    Existing pins stay as long as they fit the requirements. This needs the network, except for --check.
    """
    if check and (upgrade or variants):
        raise UsageError(
            "`--check` checks all locks and changes none", hint="leave out --upgrade and --variant"
        )
    if check:
        check_locks(settings.stack)
        click.echo("all locks are up to date")
        return
    install_first()
    repair_structure(settings.state)
    changed = write_locks(
        settings.stack,
        variants=variants,
        upgrade=Upgrade(everything="" in upgrade, names=tuple(name for name in upgrade if name)),
        apt=AptSource(
            cache=settings.state / "apt",
            mirror=settings.debian_mirror,
            security_mirror=settings.security_mirror,
            alone=partial(held, lock_path(settings.state, "apt"), say=say, what="looks up Debian packages"),
        ),
        say=say,
    )
    click.echo("locks written" if changed else "nothing moved")
