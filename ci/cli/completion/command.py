"""completion: the script that makes a shell complete commands, images and variants."""

from __future__ import annotations

import click

from ci.cli.completion.shells import SHELLS, VARIABLE


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for bash, zsh or fish.

    Commands, options, images and variants are completed, for `dockwright` and for `./dockwright`. Add one
    line to the start-up file of the shell:

    \b
    eval "$(/path/to/dockwright completion bash)"        # in ~/.bashrc
    eval "$(/path/to/dockwright completion zsh)"         # in ~/.zshrc, after compinit
    /path/to/dockwright completion fish | source         # in ~/.config/fish/config.fish
    """
    click.echo(SHELLS[shell](ctx.find_root().command, {}, "dockwright", VARIABLE).source(), nl=False)
