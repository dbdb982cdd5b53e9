"""A run's own view of a house: the same files under names that no other run takes away or gives another file.

A house is one folder for all runs of a state directory, and a run with other locks fills it anew.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def view_of(house: Path, view: Path) -> Path:
    """Return the folder `view` with hard links to all files of `house`, whose lock the caller holds.

    Its files are only ever replaced, never written into. Where links can't be made (another file system,
    another user's files) it is `house` itself that is returned.
    """
    shutil.rmtree(view, ignore_errors=True)
    try:
        shutil.copytree(house, view, copy_function=os.link)
    except (OSError, shutil.Error):
        shutil.rmtree(view, ignore_errors=True)
        return house
    return view
