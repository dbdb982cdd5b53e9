"""When the Debian packages of the embedded engine are installed: once a command knows that it needs it."""

from __future__ import annotations

import click

INSTALL = "dockwright.install"
"""Where, in the context's `meta`, the wrapper's way of installing stands; nowhere without the wrapper."""


def install_first() -> None:
    """Install what the embedded engine misses on this machine, where the wrapper asked for that.

    Commands call it after their words are checked, and after a registry was asked.

    Raises:
        EngineError: packages are missing and can't be installed by this user, or apt failed.
    """
    context = click.get_current_context(silent=True)
    install = context.meta.pop(INSTALL, None) if context is not None else None
    if install is not None:
        install()
