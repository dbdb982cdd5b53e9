"""What the tests of this room share: a clock, a sink, work that waits until it is told to end."""

from collections.abc import Callable

import anyio

from ci.report.events import Event, TaskEnded, TaskStarted
from ci.run.tasks.kind import ImageTask
from ci.run.tasks.task import Task, WorkResult


class Tick:
    """A clock that goes on by one second each time it is read."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


class Sink:
    """Keeps events as they come."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    @property
    def started(self) -> list[str]:
        return [event.task for event in self.events if isinstance(event, TaskStarted)]

    @property
    def ended(self) -> list[tuple[str, str]]:
        return [(event.task, str(event.outcome)) for event in self.events if isinstance(event, TaskEnded)]

    def end_of(self, task: str) -> TaskEnded:
        (end,) = [event for event in self.events if isinstance(event, TaskEnded) and event.task == task]
        return end


class Gate:
    """Work that begins, and ends when `release` is called, or as `then` does."""

    def __init__(self, then: Callable[[Task], WorkResult] = lambda task: WorkResult()) -> None:
        self._then = then
        self._released: dict[str, anyio.Event] = {}
        self.inside: list[str] = []
        self.cancelled: list[str] = []

    def release(self, task: str) -> None:
        self._released.setdefault(task, anyio.Event()).set()

    async def __call__(self, task: Task) -> WorkResult:
        self.inside.append(task.id)
        try:
            await self._released.setdefault(task.id, anyio.Event()).wait()
        except anyio.get_cancelled_exc_class():
            self.cancelled.append(task.id)
            raise
        finally:
            self.inside.remove(task.id)
        return self._then(task)


def stack() -> list[Task]:
    """base, then base-ml and mux, then asr on base-ml."""
    return [
        Task(kind=ImageTask("base"), expected_s=1),
        Task(kind=ImageTask("base-ml"), needs=("base",), expected_s=5),
        Task(kind=ImageTask("mux"), needs=("base",), expected_s=1),
        Task(kind=ImageTask("asr"), needs=("base-ml",), expected_s=1),
    ]
