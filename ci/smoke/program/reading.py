"""What a check of a device found. Pure; standard library only."""

from collections.abc import Mapping

Reading = tuple[str, str, Mapping[str, float | str]]
"""(status, detail, metrics by name: numbers, and words that identify what was measured)."""
