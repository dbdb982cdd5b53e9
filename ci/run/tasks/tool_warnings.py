"""Warnings of the tools that a task runs, as warnings of the run: each once, with its task."""

from __future__ import annotations

from dataclasses import dataclass, field

from ci.engines.process.tool_warning import warning_of
from ci.run.tasks.event_log import EventLog


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolWarnings:
    """Reports warnings of uv, apt and the like to `events`: for the display and the report."""

    events: EventLog
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def found_in(self, task: str, line: str) -> bool:
        """Report the warning in a line of output, if there is one; return whether there is."""
        text = warning_of(line)
        if text and (task, text) not in self._seen:
            self._seen.add((task, text))
            self.events.warning(text, task=task)
        return bool(text)
