"""A run's own view of a package folder: hard links to its files, which no other run removes or replaces.

A package folder is shared by all runs of a state directory, and a run with other locks fills it again.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def view_of(folder: Path, view: Path) -> Path:
    """Return the folder `view` with hard links to all files of `folder`; the caller has the lock of `folder`.

    Files are only ever replaced, never written into. Where links can't be made (another file system, another
    user's files) `folder` itself is returned.
    """
    shutil.rmtree(view, ignore_errors=True)
    try:
        shutil.copytree(folder, view, copy_function=os.link)
    except (OSError, shutil.Error):
        shutil.rmtree(view, ignore_errors=True)
        return folder
    return view
