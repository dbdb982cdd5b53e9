"""How long each task took when it was last done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ci.run.tasks.task import Outcome, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Seconds by task id."""

    seconds: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def expected_s(self, task: str, *, otherwise: float) -> float:
        """Return how long `task` took when it was last done, `otherwise` when that is not known."""
        return self.seconds.get(task, otherwise)

    def with_results(self, results: Mapping[str, Result]) -> History:
        """Return this history with the times of what `results` built; what was reused has no time."""
        built = {id_: one.seconds for id_, one in results.items() if one.outcome is Outcome.built}
        return History(seconds=MappingProxyType({**self.seconds, **built}))
