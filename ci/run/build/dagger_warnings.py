"""What is wrong with a Dagger engine that a run has, found out in the first image that it has there."""

from __future__ import annotations

from dataclasses import dataclass

from ci.engines.dagger.engine import DaggerEngine
from ci.engines.engine import Engine
from ci.errors import DockwrightError
from ci.run.tasks.event_log import EventLog

INJECTED = (
    "the engine copies certificates of its own into every container that runs: that takes time, and links to "
    "them stay in the layers. Empty its ca-certificates folder, and give them with --ca where they are needed"
)


@dataclass(slots=True, kw_only=True)
class DaggerWarnings:
    """Looks once in a run, whichever image comes first: a base that was brought, or one that was fetched."""

    engine: Engine
    events: EventLog
    _looked: bool = False

    async def at(self, image: str) -> None:
        """Warn of certificates that stay in layers, and of a disk that leaves no room for a cache."""
        if self._looked or not isinstance(self.engine, DaggerEngine):
            return
        self._looked = True
        try:
            if await self.engine.injects(image):
                self.events.warning(INJECTED)
            if crowded := await self.engine.crowded(image):
                self.events.warning(crowded)
        except (
            DockwrightError,
            ValueError,
            IndexError,
        ) as error:  # it is looked at to warn, and for nothing else
            self.events.warning(f"certificates and disk of the engine were not looked at: {error}")
