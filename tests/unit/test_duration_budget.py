from __future__ import annotations

import pytest

from tests import duration_budget

REPORTED = """\
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if item.name.startswith("test_slow"):
        report.duration = {"setup": 20.0, "call": 41.5, "teardown": 0.0}[report.when]
    hook = item.config.hook
    data = hook.pytest_report_to_serializable(config=item.config, report=report)
    return hook.pytest_report_from_serializable(config=item.config, data=data)
"""
"""Reports as another process sends them; the tests whose name begins with `test_slow` took 61.5 s."""
TWO = "def test_slow(): pass\ndef test_other(): pass\n"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project on a machine that nobody else uses."""
    monkeypatch.setattr(duration_budget, "slowdown", lambda: 1.0)
    pytester.makeconftest(REPORTED)
    return pytester


def run(project: pytest.Pytester, *argv: str) -> pytest.RunResult:
    plugins = ("tests.duration_budget", "no:cacheprovider", "no:asyncio", "no:hypothesispytest", "no:xdist")
    return project.runpytest_inprocess(*(word for name in plugins for word in ("-p", name)), *argv)


def test_a_test_over_the_budget_fails_the_run_with_what_to_do(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=TWO)
    done = run(project, "--duration-budget", "60")
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(
        [
            "*slowest 20 tests*",
            "   61.5 s  test_it.py::test_slow",
            "*over the duration budget*",
            "test_it.py::test_slow: took 61.5 s (61.5 s without other processes), more than 60 s",
            'hint: *`@pytest.mark.slow(reason="…")`',
        ]
    )


def test_what_other_processes_take_of_the_processor_counts_for_no_test(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duration_budget, "slowdown", lambda: 2.0)
    project.makepyfile(test_it=TWO)
    assert run(project, "--duration-budget", "60").ret == pytest.ExitCode.OK
    assert run(project, "--duration-budget", "30").ret == pytest.ExitCode.TESTS_FAILED


def test_a_machine_is_never_faster_than_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration_budget, "COMPUTED_S", 0.001)
    assert duration_budget.slowdown() >= 1.0


def test_without_a_budget_the_slowest_are_listed_and_nothing_fails(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=TWO)
    done = run(project)
    assert done.ret == pytest.ExitCode.OK
    done.stdout.fnmatch_lines(["   61.5 s  test_it.py::test_slow"])
    done.stdout.no_fnmatch_line("*test_other*")
    done.stdout.no_fnmatch_line("*over the duration budget*")


@pytest.mark.parametrize(
    "text",
    [
        f"import pytest\n@pytest.mark.slow(reason='it builds a base')\n{TWO}",
        f"import pytest\npytestmark = pytest.mark.slow(reason='each builds a base')\n{TWO}",
    ],
    ids=["a-test", "a-module"],
)
def test_a_test_with_a_reason_has_no_budget(project: pytest.Pytester, text: str) -> None:
    project.makepyfile(test_it=text)
    done = run(project, "--duration-budget", "60", "--strict-markers")
    assert done.ret == pytest.ExitCode.OK
    done.stdout.fnmatch_lines(["   61.5 s  test_it.py::test_slow"])


def test_slow_without_a_reason_is_refused(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=f"import pytest\n@pytest.mark.slow\n{TWO}")
    done = run(project)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*test_it.py::test_slow: slow without a reason", "hint: *"])


def test_a_budget_hides_no_other_failure(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="def test_slow(): pass\ndef test_other(): assert False\n")
    done = run(project, "--duration-budget", "60")
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.assert_outcomes(passed=1, failed=1)
