"""When a test gives up."""

from __future__ import annotations

HANG_S = 500.0
"""What takes longer hangs, on however busy a machine. Less than what is started to be ended would sleep."""
