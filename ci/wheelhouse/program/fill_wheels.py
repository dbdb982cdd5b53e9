"""Fill a wheelhouse with what was fetched and compiled for it: the end of what fetch_wheels.py began.

    fill_wheels.py DOCUMENT ROOT NAME

The arguments are those of fetch_wheels.py. It needs no network; standard library only.
"""

import sys
from pathlib import Path

if not __package__:
    # In a container this folder is the only part of dockwright, and -I leaves it out of the search path.
    sys.path.insert(0, str(Path(__file__).parent.parent))
    __package__ = Path(__file__).parent.name  # PEP 366

from .start import run
from .wheel_folder import WheelFolder


def fill(document: Path, root: Path, name: str) -> None:
    """Store the compiled wheels, then write the folder and the manifest."""
    wanted = WheelFolder(document, root, name)
    wanted.adopt(wanted.to_compile())
    wanted.remove_jobs()
    wanted.fill()


if __name__ == "__main__":
    run(fill, *sys.argv[1:])
