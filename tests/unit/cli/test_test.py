from __future__ import annotations

import pytest

from ci.cli.test import left_out, lint_checks, workers


def test_every_lint_check_of_the_project_runs() -> None:
    assert [check.argv[:2] for check in lint_checks(["a/Dockerfile.cpu"])] == [
        ("mypy",),
        ("hadolint", "--config"),
        ("lint-imports", "--no-cache"),
        ("mkdocs", "build"),
        ("ruff", "check"),
        ("deptry", "--no-ansi"),
        ("ruff", "format"),
        ("zizmor", "--offline"),
        ("jactionlint", "--profile=default"),
    ]


def test_hadolint_looks_at_every_rendered_dockerfile() -> None:
    hadolint = next(
        check for check in lint_checks(["a/Dockerfile.cpu", "b/Dockerfile.cuda"]) if check.name == "hadolint"
    )
    assert hadolint.argv[-2:] == ("a/Dockerfile.cpu", "b/Dockerfile.cuda")


def test_a_run_says_what_it_leaves_out() -> None:
    assert left_out(engine=True, lint_too=True) == []
    (engine,) = left_out(engine=False, lint_too=True)
    assert "tests of the real thing" in engine
    (lint,) = left_out(engine=True, lint_too=False)
    assert "mypy, hadolint, mkdocs, lint-imports, ruff, deptry, zizmor, actionlint" in lint


@pytest.mark.parametrize("args", [(), ("-x",), ("tests/unit/plan",), ("-m", "not cuda")])
def test_tests_run_in_two_processes_and_engine_tests_in_three(args: tuple[str, ...]) -> None:
    assert workers(args, engine=False) == ("-n", "2", "--dist", "loadscope")
    assert workers(args, engine=True) == ("-n", "3", "--dist", "loadscope")


@pytest.mark.parametrize(
    "args",
    [
        *(("-n", "4"), ("-n0",), ("--numprocesses=3",)),
        *(("-s",), ("--capture=no",), ("--pdb", "-x"), ("--collect-only",)),
        *(("-k", "plan", "-x"), ("-kplan",), ("tests/unit/a.py",), ("tests/unit/a.py::test_b",)),
    ],
)
def test_a_few_tests_and_what_needs_one_process_run_in_one(args: tuple[str, ...]) -> None:
    assert workers(args, engine=True) == ()
