"""A pytest plugin: lists the slowest tests, and with `--duration-budget` fails a run with one over it.

The seconds of a test are those of its setup, call and teardown together. If they are over the budget, they
are divided by how much slower a computation is just then than with a processor of its own, so that no test
fails because others use the machine. A test that needs long gives its reason,
`pytest.mark.slow(reason="…")`, and has no budget.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, field

import pytest

SLOWEST = 20
LISTED_S = 1.0
"""A faster test is not listed."""
COMPUTED_S = 0.2
HINT = (
    "hint: build what the tests of a module share in one fixture, or wait for an event instead of a time; if "
    'it needs that long, give the reason: `@pytest.mark.slow(reason="…")`'
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the budget."""
    parser.addoption(
        "--duration-budget",
        type=float,
        metavar="SECONDS",
        help="fail if a test without a mark slow(reason=…) takes longer",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Count durations; with xdist, those of all workers in the process that prints."""
    config.addinivalue_line("markers", "slow(reason): may take longer than the duration budget, and why")
    config.pluginmanager.register(DurationBudget(budget_s=config.getoption("duration_budget")))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Add the reason of a slow test to its reports, which are all that another process sees of it."""
    mark = item.get_closest_marker("slow")
    if mark is None:
        return
    reason = mark.kwargs.get("reason")
    if not reason:
        raise pytest.UsageError(f'{item.nodeid}: slow without a reason\nhint: `pytest.mark.slow(reason="…")`')
    item.user_properties.append(("slow", reason))


def slowdown() -> float:
    """Return how many times longer a computation takes now than with a processor of its own; at least 1."""
    start, start_cpu = time.perf_counter(), time.process_time()
    while time.process_time() - start_cpu < COMPUTED_S:
        pass
    return max(1.0, (time.perf_counter() - start) / (time.process_time() - start_cpu))


@dataclass(kw_only=True, eq=False)
class DurationBudget:
    """The seconds of each test of a run; and of those over the budget, what they would have taken alone."""

    budget_s: float | None
    seconds: dict[str, float] = field(default_factory=dict)
    over: dict[str, float] = field(default_factory=dict)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Where the test has run, add to its last report what it would have taken alone."""
        report = yield
        total = item.stash[SECONDS] = item.stash.get(SECONDS, 0.0) + report.duration
        if self.budget_s is not None and call.when == "teardown" and total > self.budget_s:
            report.user_properties.append(("alone", total / slowdown()))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one phase of a test."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        properties = dict(report.user_properties)
        alone = properties.get("alone")
        if isinstance(alone, float) and self.budget_s and alone > self.budget_s and "slow" not in properties:
            self.over[report.nodeid] = alone

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that has passed otherwise."""
        if self.over and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the slowest tests, and those over the budget."""
        ordered = sorted(self.seconds.items(), key=lambda one: -one[1])
        listed = [(name, seconds) for name, seconds in ordered[:SLOWEST] if seconds >= LISTED_S]
        if listed:
            terminalreporter.section(f"slowest {SLOWEST} tests")
        for name, seconds in listed:
            terminalreporter.line(f"{seconds:7.1f} s  {name}")
        if self.over:
            terminalreporter.section("over the duration budget", red=True)
            for name, alone in sorted(self.over.items(), key=lambda one: -one[1]):
                took = f"{self.seconds[name]:.1f} s ({alone:.1f} s without other processes)"
                terminalreporter.line(f"{name}: took {took}, more than {self.budget_s:g} s")
            terminalreporter.line(HINT)


SECONDS = pytest.StashKey[float]()
"""What a test has taken so far."""
