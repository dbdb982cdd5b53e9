"""Makes the stages' contract importable as in an image, where it lies beside the program."""

import sys
from pathlib import Path

DOCKER = Path(__file__).parents[3] / "docker"

sys.path[:0] = [str(DOCKER / name) for name in ("base", "subtitle-gen", "asr")]
