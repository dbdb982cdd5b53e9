"""Structured logs: one JSON object a line on stderr; stdout stays empty."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from pythonjsonlogger.json import JsonFormatter

LEVELS = ("debug", "info", "warning", "error")

logger = logging.getLogger("contract")
"""Where stages log: the message names an event, `extra` holds its values."""


class _LowerCaseLevel(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.level = record.levelname.lower()
        return True


def start_logging(stage: str, level: str, stream: TextIO | None = None) -> None:
    """Send all logs and warnings of this program, its libraries' too, to `stream` as JSON lines.

    Each has `time` (UTC), `level`, `stage`, `logger` and `event`. Libraries log from warnings up.
    What native code prints on stderr by itself is not JSON and passes as it is.
    """
    lines = logging.StreamHandler(stream or sys.stderr)
    lines.addFilter(_LowerCaseLevel())
    lines.setFormatter(
        JsonFormatter(
            ["level", "name", "message"],
            rename_fields={"name": "logger", "message": "event", "exc_info": "traceback"},
            static_fields={"stage": stage},
            timestamp="time",
            json_ensure_ascii=False,
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[lines], force=True)
    logging.captureWarnings(capture=True)
    logger.setLevel(level.upper())
