from __future__ import annotations

from ci.cli.test import left_out, lint_checks


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
