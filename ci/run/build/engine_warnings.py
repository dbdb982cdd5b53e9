"""Warnings about the engine itself, found in the first image that a run has there."""

from __future__ import annotations

from dataclasses import dataclass

from ci.engines.engine import Engine
from ci.run.tasks.event_log import EventLog


@dataclass(slots=True, kw_only=True)
class EngineWarnings:
    """Asks the engine once in a run, with whichever image is available first."""

    engine: Engine
    events: EventLog
    _asked: bool = False

    async def at(self, image: str) -> None:
        """Warn of what is wrong with the engine, unless that was done before."""
        if self._asked:
            return
        self._asked = True
        for warning in await self.engine.warnings(image):
            self.events.warning(warning)
