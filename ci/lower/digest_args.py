"""Build arguments with digests of what a step mounts. Pure.

A builder whose cache depends on the text of an instruction and its arguments alone would otherwise take a
layer that was made of other content. The step compares what is mounted with its argument.
"""

from __future__ import annotations

import re

DEBS_ARG = "DEBS"
"""The argument with the digest of the list of the debhouse that a step uses."""
UV_ARG = "UV"
"""The argument with the digest of uv."""


def wheels_arg(name: str) -> str:
    """Return the argument with the digest of the wheelhouse's list `name`."""
    return f"WHEELS_{re.sub('[^A-Za-z0-9]', '_', name).upper()}"
