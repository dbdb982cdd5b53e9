"""A pytest plugin: lists the slowest tests, and with `--duration-budget` fails a run with one over it.

The seconds of a test are those of its setup, call and teardown together. A test that needs long gives its
reason, `pytest.mark.slow(reason="…")`, and has no budget. Without the option no test fails by its duration,
since on a busy machine every test is slow.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

SLOWEST = 20
LISTED_S = 1.0
"""A faster test is not listed."""
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


@dataclass(kw_only=True, eq=False)
class DurationBudget:
    """The seconds of each test of a run, and which of them have a reason to be slow."""

    budget_s: float | None
    seconds: dict[str, float] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)

    @property
    def over(self) -> dict[str, float]:
        """The tests that took longer than the budget without a reason."""
        return {
            name: seconds
            for name, seconds in self.seconds.items()
            if self.budget_s is not None and seconds > self.budget_s and name not in self.slow
        }

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one phase of a test."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if any(name == "slow" for name, _ in report.user_properties):
            self.slow.add(report.nodeid)

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
            for name, seconds in sorted(self.over.items(), key=lambda one: -one[1]):
                terminalreporter.line(f"{name}: took {seconds:.1f} s, more than {self.budget_s:g} s")
            terminalreporter.line(HINT)
