"""Messages of a command: lines on standard error."""

from __future__ import annotations

import click

from ci.redaction import redacted


def say(line: str = "") -> None:
    """Print a line on standard error, without secrets."""
    click.echo(redacted(line), err=True)
