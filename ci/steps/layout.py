"""Paths that all images have. Pure."""

from __future__ import annotations

VENV = "/opt/venv"
APP = "/opt/app"
"""The two folders that pure layers fill: wheels the first, files of the stack the second."""
STAGED = "app"
"""The folder of a build context that has the tree of `APP`."""
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TINI = "/usr/bin/tini"
ROOT = "0:0"
