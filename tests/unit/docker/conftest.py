"""Makes the stages' contract importable as in an image, where it lies beside the program."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "docker" / "base"))
