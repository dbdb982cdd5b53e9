"""The command line: options before the command, errors as sentences, exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from ci.cli.commands import Commands, builds_here, own_words
from ci.cli.output import open_streams
from ci.cli.setup.install import INSTALL
from ci.errors import DiskFullError, DockwrightError, UsageError
from ci.redaction import keep_environment_secret, redacted

CHECKOUT = Path(__file__).resolve().parents[2]
"""Where the wrapper lies: `docker/` in it is the stack when none is named, whatever directory one is in."""

STOPPED = 130
"""128 + SIGINT."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
OF_THE_SYSTEM = FULL | {
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP),
    *(errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE),
}
"""Errors that no program can avoid: they are of the machine, and their message has the path."""
HINT_FULL = "free space (`dockwright gc` lists what can be removed), or use another disk: `--root DIR`"
HINT_PLACE = "choose a folder that this user can read and write: `--root DIR`, XDG_STATE_HOME or TMPDIR"
BUG = 70
"""EX_SOFTWARE. Source: sysexits.h."""


def print_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    """Print dockwright's own version, from pyproject.toml next to it or as it was installed."""
    if not asked or ctx.resilient_parsing:
        return
    from ci.version import version

    click.echo(f"dockwright {version()}")
    ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    subcommand_metavar="COMMAND ...",
)
@click.option(
    "--stack",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Directory of the stack. Default: docker/ next to dockwright.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write everything (store, caches, state) under DIR.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Print the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context, stack: Path | None, root: Path | None) -> None:
    """Plan, build, check and publish a hierarchy of container images.

    \b
    dockwright doctor      show what this machine can do
    dockwright plan        show what would be built, and why
    dockwright build-all   build and check all images

    Every command has --help. Settings are also read from DOCKWRIGHT_* variables and from the file
    .dockwright.env, in the current directory or next to dockwright. In the current directory it can't
    name a place to write to or credentials.
    """
    args = own_words(ctx.meta[Commands.ARGS])
    keep_environment_secret(os.environ, args)
    if "--help" in args or "-h" in args:
        return
    from ci.settings import (  # a fifth of a second, which a help page does not need
        FILE,
        read_settings,
        user_file,
    )

    settings = read_settings((CHECKOUT / FILE, user_file(os.environ)))
    if stack is None and "stack" not in settings.model_fields_set:
        own = CHECKOUT / settings.stack
        stack = own if own.is_dir() else None
    install, ctx.obj = ctx.obj, settings.with_(stack=stack, root=root)
    ctx.obj.check_folders()
    if install and builds_here(str(ctx.invoked_subcommand), args, ctx.obj.engine):
        from ci.cli.setup.debian import install_engine

        ctx.meta[INSTALL] = install_engine


def main(argv: Sequence[str] | None = None, *, install: bool = False) -> int:
    """Run one command line and return its exit code.

    With `install` (the wrapper's way) Debian packages that an engine's command misses are installed.
    """
    keep_environment_secret(os.environ, sys.argv[1:] if argv is None else argv)
    output = open_streams()
    return output.exit_code(_code_of(argv, install=install))


def _code_of(argv: Sequence[str] | None, *, install: bool) -> int:
    """Run one command line and return its exit code, whether or not all of it could be printed."""
    if instruction := os.environ.get("_DOCKWRIGHT_COMPLETE"):
        from ci.cli.completion.shells import answer

        return answer(cli, instruction)
    try:
        code = cli.main(argv, prog_name="dockwright", standalone_mode=False, obj=install)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return STOPPED
    except Exception as error:
        return _failed(error)
    return code if isinstance(code, int) else 0


def _failed(error: Exception) -> int:
    """Print an error: sentences for what the user can act on, a traceback for a bug."""
    leaves = [_of_the_system(leaf) for leaf in _leaves(error)]
    known = [leaf for leaf in leaves if isinstance(leaf, DockwrightError)]
    if len(known) == len(leaves):
        for leaf in known:
            click.echo(f"dockwright: {leaf}", err=True)
        return known[0].exit_code
    import traceback

    click.echo(redacted("".join(traceback.format_exception(error))), err=True, nl=False)
    click.echo(
        "dockwright: the lines above show a bug in dockwright\n"
        "hint: please report it in the project's issue tracker, with these lines, the command that you "
        "typed and the output of `dockwright doctor`",
        err=True,
    )
    return BUG


def _of_the_system(error: BaseException) -> BaseException:
    """Return an error of ours in the place of one that the user's files, disk or rights are the reason of."""
    if isinstance(error, FileNotFoundError) and error.filename is None and not _has_folder():
        return UsageError("the current folder does not exist any more", hint="`cd` to one that does")
    if not isinstance(error, OSError) or error.errno not in OF_THE_SYSTEM:
        return error
    where = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
    reason = f"{where}{(error.strerror or str(error)).lower()}"
    if error.errno in FULL:
        return DiskFullError(reason, hint=HINT_FULL)
    return UsageError(reason, hint=HINT_PLACE)


def _has_folder() -> bool:
    """Whether the current folder exists; `/proc/self/cwd` leads to a removed one, too."""
    try:
        return bool(Path.cwd())
    except FileNotFoundError:
        return False


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Give the errors of a task group one by one."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


if __name__ == "__main__":
    sys.exit(main())
